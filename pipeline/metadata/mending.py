"""Mends what does not fit together in a run folder, and no more than is safe.

Executions that no process runs are canceled; artifacts whose files are gone are
recorded as deleted, so that the next run makes them again; what executions left that
came to no end is removed; outputs that the store has lost, and that are whole, are
recorded again. What a run or a published version names is never removed.
"""

import shutil
from pathlib import Path

from ml_metadata.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd

from shardline.components.contracts.file_record import record_from_json
from shardline.pipeline.metadata.changes import place_of
from shardline.pipeline.metadata.findings import Finding, Report, find
from shardline.pipeline.metadata.store import open_store, sqlite_connection
from shardline.pipeline.reuse import record_of
from shardline.pipeline.run_folder import RunFolder


def mend(run_folder: RunFolder) -> tuple[list[Finding], Report]:
    """Mends what can be mended; the caller holds the run folder.

    Args:
        run_folder: the run folder.

    Returns:
        What was mended, and what is found afterwards.

    Raises:
        NoStoreError: if no run has been in the run folder.
        OSError: if something cannot be read or removed.
    """
    mended: list[Finding] = []
    while True:  # what was canceled has left outputs
        report = find(run_folder, is_held_here=True)
        to_mend = [one for one in report.findings if one.mending and one not in mended]
        if not to_mend:
            return mended, report
        store = open_store(sqlite_connection(run_folder.metadata))
        done = [one for one in to_mend if _mend(store, run_folder, one)]
        if not done:
            return mended, report
        mended += done


def _mend(store: MetadataStore, run_folder: RunFolder, finding: Finding) -> bool:
    """Mends one thing; returns whether it could."""
    place = run_folder.artifacts / finding.what
    match finding.mending:
        case "cancel":
            (execution,) = store.get_executions_by_id([finding.number])
            execution.last_known_state = mlmd.Execution.CANCELED
            store.put_executions([execution])
        case "mark deleted":
            (artifact,) = store.get_artifacts_by_id([finding.number])
            artifact.state = mlmd.Artifact.DELETED
            store.put_artifacts([artifact])
        case "remove" if place.is_dir():
            shutil.rmtree(place)
            record_of(place).unlink(missing_ok=True)
        case "remove":
            place.unlink(missing_ok=True)
        case "adopt":
            return _adopt(store, place)
    return True


def _adopt(store: MetadataStore, output: Path) -> bool:
    """Records an output as those beside it are, if all its files are what they were."""
    record = record_from_json(record_of(output).read_text())
    if record.damage(str(output)):
        return False
    kind = place_of(str(output)).rpartition("/")[0]
    beside = [
        artifact
        for artifact in store.get_artifacts()
        if place_of(artifact.uri).rpartition("/")[0] == kind
    ]
    artifact = mlmd.Artifact(
        type_id=beside[0].type_id, uri=str(output), state=mlmd.Artifact.LIVE
    )
    artifact.custom_properties["adopted"].int_value = 1
    store.put_artifacts([artifact])
    return True
