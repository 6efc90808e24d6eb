"""Exports a set: a full one that needs no other, in a folder of its own.

Its chain is folded in. For an archive, rows may be rounded.
"""

import shutil
from pathlib import Path

from shardline.embedding.checkpoint.sets.chain import chain_readers
from shardline.embedding.checkpoint.sets.compaction import (
    all_rows_of,
    copy_values,
    write_tables,
)
from shardline.embedding.checkpoint.sets.folder import CheckpointSet, SetFolder
from shardline.embedding.checkpoint.sets.manifest import Rows
from shardline.embedding.checkpoint.sets.writer import Clock, SetWriter


class ExportError(ValueError):
    """A set that cannot be exported as it was asked for."""


def export_set(
    folder: SetFolder, source: CheckpointSet, output: Path, rows: Rows = "float32"
) -> CheckpointSet:
    """Writes what a set and those that it builds on hold together as a full set.

    All that is read is verified.

    Args:
        folder: the sets of a training.
        source: one of them.
        output: a folder of sets, made if need be; not that of the training.
        rows: how rows are to be held.

    Returns:
        The set in `output`, of the same step.

    Raises:
        ExportError: if `output` is the folder itself or has a set of the step.
        RoundingError: if a row cannot be held so.
        SetDamagedError: if a file is not what was written.
        SetLockedError: if another process writes to `output`.
        OSError: if it cannot be written.
    """
    if output.resolve() == folder.path.resolve():
        raise ExportError(
            f"{output} is the folder of the training itself; export to another."
        )
    clock = Clock()
    readers = chain_readers(folder, source)
    target = SetFolder(output)
    target.make()
    lock = target.lock()
    try:
        hosts = readers[0].set.manifest.hosts
        writer = SetWriter(target, source.step, "full", None, hosts, rows)
        if writer.path.exists():
            raise ExportError(
                f"{writer.path} is there already. Export to another folder, or remove "
                "it."
            )
        writer.begin(pinned=False)
        try:
            tables = all_rows_of(source.manifest.tables)
            paths = [writer.data_file(host) for host in range(hosts)]
            writer.write_index(tables, write_tables(readers, tables, paths, rows))
            copy_values(source, writer.path)
            manifest = source.manifest
            return writer.commit(tables, manifest.lineage, manifest.state, clock)
        except BaseException:
            shutil.rmtree(writer.path)
            raise
    finally:
        lock.release()
