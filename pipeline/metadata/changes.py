"""What is changed of the records of pipeline runs after they were made."""

import dataclasses
import datetime
from collections.abc import Callable, Collection

from ml_metadata import errors
from ml_metadata.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd

from shardline.pipeline.metadata.records import NODE_TYPE
from shardline.pipeline.metadata.store import Connection, open_store

NOT_ENDED = (mlmd.Execution.NEW, mlmd.Execution.RUNNING)


@dataclasses.dataclass(frozen=True)
class DeadExecution:
    """An execution that was recorded as running, although its process was gone.

    Attributes:
        component: the id of the component; its type if the record names no component.
        number: what ML Metadata calls the execution.
        since: when it began, by the clock of that time.
    """

    component: str
    number: int
    since: datetime.datetime


def cancel_running(connection: Connection) -> list[DeadExecution]:
    """Records as canceled whatever is recorded as running, in all runs.

    The caller holds the run folder, so no process runs any of it.

    Args:
        connection: the connection of the metadata store.

    Returns:
        What was recorded as running, oldest first.
    """
    store = open_store(connection)
    running = [
        execution
        for execution in store.get_executions()
        if execution.last_known_state in NOT_ENDED
    ]
    running.sort(key=lambda execution: execution.id)
    for execution in running:
        execution.last_known_state = mlmd.Execution.CANCELED
    if running:
        store.put_executions(running)
    return [_dead(store, execution) for execution in running]


def rewrite_records(
    connection: Connection, *, text: Callable[[str], str], removed: Collection[str] = ()
) -> int:
    """Lets records say what became of artifacts, and no more than they may.

    A record that does not change is not touched: keys of TFX's cache hold all that a
    record of an input says, and when it was written.

    Args:
        connection: the connection of the metadata store.
        text: returns what a text among properties is to be.
        removed: artifacts that are gone, by `place_of`; they are recorded as deleted.

    Returns:
        How many texts were other than they are to be.
    """
    store = open_store(connection)
    rewritten = 0
    for found, put in (
        (store.get_artifacts(), store.put_artifacts),
        (store.get_executions(), store.put_executions),
    ):
        changed = []
        for one in found:
            texts = _rewrite(one, text)
            is_gone = place_of(getattr(one, "uri", "")) in removed
            if is_gone:
                one.state = mlmd.Artifact.DELETED
            if texts or is_gone:
                changed.append(one)
            rewritten += texts
        if changed:
            put(changed)
    return rewritten


def _rewrite(one: mlmd.Artifact | mlmd.Execution, text: Callable[[str], str]) -> int:
    """Rewrites the texts of a record; returns how many were other."""
    count = 0
    for properties in (one.properties, one.custom_properties):
        for value in properties.values():
            if value.HasField("string_value"):
                before = value.string_value
                value.string_value = text(before)
                count += value.string_value != before
    return count


def place_of(uri: str) -> str:
    """Returns where an output lies in any run folder: `<component>/<output>/<number>`.

    Args:
        uri: of the output.
    """
    return "/".join(uri.rstrip("/").split("/")[-3:])


def _dead(store: MetadataStore, execution: mlmd.Execution) -> DeadExecution:
    try:
        contexts = store.get_contexts_by_execution(execution.id)
    except errors.NotFoundError:  # there is none
        contexts = []
    nodes = [context.name for context in contexts if context.type == NODE_TYPE]
    return DeadExecution(
        component=nodes[0].rpartition(".")[2] if nodes else execution.type,
        number=execution.id,
        since=datetime.datetime.fromtimestamp(
            execution.create_time_since_epoch / 1000, datetime.UTC
        ),
    )
