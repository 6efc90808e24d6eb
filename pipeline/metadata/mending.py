"""Mends what does not fit together in a run folder, and no more than is safe.

Executions that no process runs are canceled; artifacts whose files are gone are
recorded as deleted, so that the next run makes them again; what executions left that
came to no end is removed. What a run or a published version names is never removed,
and outputs that the store has lost are left: a run makes them again.
"""

import shutil

from ml_metadata.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd

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
        BusyStoreError: if another process does not let go of the store.
        OSError: if something cannot be read or removed.
    """
    mended: list[Finding] = []
    while True:  # what was canceled has left outputs
        report = find(run_folder, is_held_here=True)
        to_mend = [one for one in report.findings if one.mending and one not in mended]
        if not to_mend:
            return mended, report
        store = open_store(sqlite_connection(run_folder.metadata))
        for finding in to_mend:
            _mend(store, run_folder, finding)
        mended += to_mend


def _mend(store: MetadataStore, run_folder: RunFolder, finding: Finding) -> None:
    """Mends one thing."""
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
