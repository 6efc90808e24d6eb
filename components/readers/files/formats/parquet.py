"""Parquet files: row groups, the columns that are needed only."""

from __future__ import annotations

import io
import operator
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from shardline.components.readers.files.column_names import columns_shown, meant
from shardline.components.readers.files.judging.bad_input import FileFault, RowFaults
from shardline.components.readers.files.locations import opened, size_of
from shardline.components.readers.files.raw_batch import RawBatch, ReadTask
from shardline.components.readers.files.splits.row_texts import row_texts
from shardline.components.readers.files.streams import file_faults
from shardline.configs.shown import shown

# Of all columns of a batch, by the mean of the row group, so that they fit in memory.
_BATCH_VALUES = 1 << 23


def read_parquet(task: ReadTask) -> Iterator[RawBatch]:
    """Yields the task's row groups in batches; of a damaged one what comes before.

    Raises:
        FileFault: the file is damaged, which is told at the end if it is in a row
            group, or lacks a column.
    """
    damage = None
    if _is_empty(task.file):
        task.record_stored(0)
        return
    with parquet_file(task.file) as file:
        task.record_stored(file.metadata.num_rows)
        if not file.metadata.num_rows:
            return
        _check(file, task)
        start = 0
        for group in range(file.num_row_groups):
            if task.has(group):
                try:
                    with _parquet_faults():
                        yield from _group(file, group, start, task)
                except FileFault as fault:
                    damage = damage or fault
            start += file.metadata.row_group(group).num_rows
    if damage:
        raise damage


def _is_empty(file: str) -> bool:
    """Tells whether a file has no byte, as writers that had no row leave some."""
    with file_faults():
        return size_of(file) == 0


def row_groups(file: str) -> int:
    """Returns how many row groups a file has.

    Raises:
        FileFault: it cannot be read.
    """
    with parquet_file(file) as opened_file:
        return int(opened_file.num_row_groups)


@contextmanager
def parquet_file(location: str) -> Iterator[Any]:
    """Opens a file as a pyarrow.parquet.ParquetFile.

    Raises:
        FileFault: it cannot be read; also for reads while it is open.
    """
    with file_faults(), opened(location) as source, _parquet_faults():
        # With threads pyarrow 18 may abort when the process ends.
        yield pq.ParquetFile(
            _seekable(source), pre_buffer=False, page_checksum_verification=True
        )


@contextmanager
def _parquet_faults() -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        words = " ".join(str(error).rstrip(".").split())
        raise FileFault(
            f"is damaged, or no Parquet file: {words}. Write it again."
        ) from error


def _seekable(source: IO[bytes]) -> Any:
    """Keeps a member of a zip archive in memory: it seeks by inflating again."""
    is_file = isinstance(source, io.BufferedReader)
    return source if is_file else pa.BufferReader(source.read())


def _check(file: Any, task: ReadTask) -> None:
    there = file.schema_arrow.names
    for name in task.settings.wanted:
        if there.count(name) != 1:
            raise FileFault(
                f"has {there.count(name)} columns `{shown(name)}`, expected one; its "
                f"columns are {columns_shown(there)}. {meant(name, there)}Correct "
                "the column's name in the configuration, or the file."
            )


def _group(file: Any, group: int, start: int, task: ReadTask) -> Iterator[RawBatch]:
    settings = task.settings
    batches = file.iter_batches(
        batch_size=_rows_at_once(file.metadata.row_group(group), task.batch_rows),
        row_groups=[group],
        columns=None if settings.draws_rows else settings.wanted,
        use_threads=False,
    )
    for batch in batches:
        faults = RowFaults(
            task.bad,
            batch.num_rows,
            task.file,
            partial(operator.add, start + 1),
            "row",
        )
        columns = {name: batch.column(name) for name in settings.wanted}
        texts = None
        if settings.draws_rows:
            texts = row_texts(batch.schema.names, batch.columns, batch.num_rows)
        yield RawBatch(columns, faults, header=file.schema_arrow.names, row_texts=texts)
        start += batch.num_rows


def _rows_at_once(group: Any, batch_rows: int) -> int:
    values = sum(int(group.column(i).num_values) for i in range(group.num_columns))
    mean = max(1, values // max(1, int(group.num_rows)))
    return max(1, min(batch_rows, _BATCH_VALUES // mean))
