"""What does not fit together in a run folder: its metadata store and its files."""

import contextlib
import dataclasses
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from ml_metadata.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd

from shardline.components.contracts.file_record import record_from_json
from shardline.components.contracts.model_folder import PUBLICATION_FILE
from shardline.components.folders.lock import holder_of
from shardline.pipeline.metadata.changes import NOT_ENDED, place_of
from shardline.pipeline.metadata.records import NODE_TYPE
from shardline.pipeline.metadata.store import (
    BusyStoreError,
    open_store,
    sqlite_connection,
    turn,
)
from shardline.pipeline.reuse import RECORDS, record_of
from shardline.pipeline.run_folder import RunFolder

Kind = Literal["damaged", "twice", "dead", "files gone", "unknown files"]
# What is done about a finding on request: nothing, or one of these.
Mending = Literal["", "cancel", "mark deleted", "remove"]

# What components keep from run to run beside their outputs.
_NO_OUTPUTS = frozenset({"counts", "sets", "spans"})
_WITHOUT_OUTPUTS = (mlmd.Execution.FAILED, mlmd.Execution.CANCELED)
_LIVE = (mlmd.Artifact.UNKNOWN, mlmd.Artifact.LIVE)
_BUSY_S = 60.0
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
# Of what is no database, and of one without the tables of a metadata store.
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)
_PRIMARY_CODE = 0xFF


class NoStoreError(RuntimeError):
    """A run folder without a metadata store."""


@dataclasses.dataclass(frozen=True)
class Finding:
    """One thing that does not fit.

    Attributes:
        kind: "damaged" and "twice" are of the file of the store; "dead" is an execution
            that no process runs; "files gone" is of an artifact, "unknown files" are
            those of no artifact.
        what: the component and its execution, the output, or the file.
        why: what is wrong, for people.
        mending: what is done about it on request.
        number: of the execution or artifact; 0 for none.
    """

    kind: Kind
    what: str
    why: str
    mending: Mending = ""
    number: int = 0


@dataclasses.dataclass(frozen=True)
class Report:
    """What was found in a run folder.

    Attributes:
        held_by: the process that runs in it, in words; None: no process does.
        findings: what does not fit.
    """

    held_by: str | None
    findings: tuple[Finding, ...]


def find(run_folder: RunFolder, *, is_held_here: bool = False) -> Report:
    """Looks at everything that the store and the folder say of each other.

    Files are looked at by name and size; a run that reuses them reads them, too.

    Args:
        run_folder: the run folder.
        is_held_here: whether this process holds it.

    Raises:
        NoStoreError: if no run has been in it.
        BusyStoreError: if another process does not let go of the store.
        OSError: if something cannot be read.
    """
    if not run_folder.metadata.is_file():
        raise NoStoreError(
            f"{run_folder.root} holds no metadata store: no run has been in it. Give "
            "the configuration of a run, or its folder with --output-dir."
        )
    held_by = None if is_held_here else holder_of(run_folder.lock_file)
    of_file = _of_file(run_folder.metadata)
    if any(finding.kind == "damaged" for finding in of_file):
        return Report(held_by, of_file)
    # First, so that the store knows already what is being made there.
    outputs = sorted(run_folder.artifacts.glob("*/*/*"))
    store = open_store(sqlite_connection(run_folder.metadata))
    executions = {one.id: one for one in store.get_executions()}
    components = _components(store)
    findings = [*of_file]
    if held_by is None:  # what is running then may be what the holder runs
        findings += _dead(executions, components)
    artifacts = store.get_artifacts()
    findings += _without_files(run_folder, artifacts)
    findings += _without_artifact(outputs, artifacts, executions, components)
    return Report(held_by, tuple(_unless_named(findings, run_folder)))


def _of_file(file: Path) -> tuple[Finding, ...]:
    """Returns what SQLite finds damaged in a file, and types that are there twice."""
    try:
        with turn(str(file)):
            return tuple(_asked(file))
    except sqlite3.DatabaseError as error:
        code = error.sqlite_errorcode & _PRIMARY_CODE
        if code in _DAMAGED:
            return (Finding("damaged", file.name, str(error)),)
        if code in _BUSY:
            raise BusyStoreError(
                f"{file} cannot be looked at: {error}, by another program for "
                f"{_BUSY_S:.0f} s. See who has it open, such as by `fuser`, and stop "
                "it; then run the same command again."
            ) from error
        raise _unreadable(file, error) from error
    except OSError as error:  # of the lock
        raise _unreadable(file, error) from error


def _unreadable(file: Path, error: Exception) -> OSError:
    return OSError(
        f"{file} cannot be looked at: {error}. See that it, its folder and the files "
        f"`{file.name}*` beside it may be read and written, and that the disk is well "
        "and has room; then run the same command again."
    )


def _asked(file: Path) -> Iterator[Finding]:
    """Yields what SQLite answers of a file: damage, or types that are there twice."""
    uri = f"file:{quote(str(file))}?mode=rw"  # it takes back what a kill cut short
    query = (
        "SELECT name, group_concat(id) FROM Type "
        "GROUP BY name, version, type_kind HAVING count(*) > 1"
    )
    connected = sqlite3.connect(uri, uri=True, timeout=_BUSY_S)
    with contextlib.closing(connected) as opened:
        (told, *_), *_ = opened.execute("PRAGMA integrity_check").fetchall()
        if told != "ok":
            yield Finding("damaged", file.name, told)
            return
        twice = opened.execute(query).fetchall()
    for name, numbers in twice:
        yield Finding("twice", f"type {name}", f"it has the numbers {numbers}")


def _components(store: MetadataStore) -> dict[int, str]:
    """Returns the component of each execution, by its number."""
    return {
        execution.id: context.name.rpartition(".")[2]
        for context in store.get_contexts_by_type(NODE_TYPE)
        for execution in store.get_executions_by_context(context.id)
    }


def _dead(
    executions: Mapping[int, mlmd.Execution], components: Mapping[int, str]
) -> Iterator[Finding]:
    """Yields the executions that are recorded as running; nothing runs here."""
    for number, execution in executions.items():
        if execution.last_known_state in NOT_ENDED:
            name = components.get(number, execution.type)
            why = "recorded as running, and no process holds the run folder"
            yield Finding("dead", f"{name} {number}", why, "cancel", number)


def _without_files(
    run_folder: RunFolder, artifacts: list[mlmd.Artifact]
) -> Iterator[Finding]:
    """Yields the artifacts whose files are gone, or not all there."""
    for artifact in artifacts:
        uri = artifact.uri
        if artifact.state not in _LIVE or not uri.startswith("/"):
            continue
        if not Path(uri).exists():
            place = place_of(uri)
            moved = run_folder.artifacts / place
            if moved.exists():
                why = f"recorded as {uri}: the run folder was moved; move it back"
                yield Finding("files gone", place, why)
            else:
                why = f"{uri} is gone"
                yield Finding("files gone", place, why, "mark deleted", artifact.id)
        elif why := _missing(Path(uri)):
            place = place_of(uri)
            yield Finding("files gone", place, why, "mark deleted", artifact.id)


def _missing(output: Path) -> str:
    """Returns which file of an output is gone or of another size; "" if none is."""
    with contextlib.suppress(OSError, ValueError):  # not recorded
        for name, (size, _) in record_from_json(
            record_of(output).read_text()
        ).files.items():
            file = output / name
            if not file.is_file():
                return f"{file} is gone"
            if (found := file.stat().st_size) != size:
                return f"{file} has {found:,} bytes, and had {size:,}"
    return ""


def _without_artifact(
    outputs: Sequence[Path],
    artifacts: Sequence[mlmd.Artifact],
    executions: Mapping[int, mlmd.Execution],
    components: Mapping[int, str],
) -> Iterator[Finding]:
    """Yields the outputs of which the store has no artifact, and records of none."""
    known = {place_of(artifact.uri) for artifact in artifacts}
    for output in outputs:
        component, name, number = output.parts[-3:]
        if name == RECORDS:
            yield from _without_output(output)
        elif (
            name not in _NO_OUTPUTS
            and number.isdigit()
            and place_of(str(output)) not in known
        ):
            is_its = components.get(int(number)) == component
            execution = executions[int(number)] if is_its else None
            yield from _unknown(place_of(str(output)), execution)


def _without_output(record: Path) -> Iterator[Finding]:
    """Yields the record of the files of an output, if the output is not there."""
    name, _, number = record.stem.rpartition("-")
    if record.suffix == ".json" and not (record.parents[1] / name / number).exists():
        why = "the record of an output that is not there"
        yield Finding("unknown files", place_of(str(record)), why, "remove")


def _unknown(place: str, execution: mlmd.Execution | None) -> Iterator[Finding]:
    """Yields what an output is of which the store has no artifact.

    Nothing is said of one that is being made, or is left by what is told as dead.

    Args:
        place: where it lies.
        execution: of its number and component; None: there is none.
    """
    if execution and execution.last_known_state in NOT_ENDED:
        return
    if execution and execution.last_known_state in _WITHOUT_OUTPUTS:
        why = "left by an execution that came to no end"
        yield Finding("unknown files", place, why, "remove")
    elif execution:
        why = "of an execution that the store knows, with other outputs"
        yield Finding("unknown files", place, why)
    else:
        why = "of no execution that the store knows"
        yield Finding("unknown files", place, why)


def _unless_named(
    findings: Sequence[Finding], run_folder: RunFolder
) -> Iterator[Finding]:
    """Yields findings; what a state or a publication names is not removed."""
    texts = _texts(run_folder)
    for finding in findings:
        is_named = any(f"{finding.what}{end}" in texts for end in '"/')
        if finding.mending == "remove" and is_named:
            why = f"{finding.why}; a run or a version names it, so it stays"
            yield dataclasses.replace(finding, why=why, mending="")
        else:
            yield finding


def _texts(run_folder: RunFolder) -> str:
    """Returns all that states and publications say, as text."""
    files = [
        *run_folder.serving.glob("spans*.json"),
        *run_folder.serving.glob(f"**/{PUBLICATION_FILE}"),
        *run_folder.serving.glob("**/delta.json"),
    ]
    return "\n".join(file.read_text(errors="replace") for file in files)
