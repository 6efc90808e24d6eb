"""Reads a unit of work as canonical batches, split by split."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from shardline.components.readers.files.column_names import columns_shown, meant
from shardline.components.readers.files.columns.canonical import canonical
from shardline.components.readers.files.columns.kept import kept_column
from shardline.components.readers.files.columns.label_words import (
    mark_unknown,
    worded,
)
from shardline.components.readers.files.columns.lists import Lists, listed
from shardline.components.readers.files.formats.readers import READERS
from shardline.components.readers.files.joins.joining import with_joined
from shardline.components.readers.files.joins.side_table import SideTable
from shardline.components.readers.files.joins.side_tables import side_tables
from shardline.components.readers.files.judging.bad_input import (
    BadInput,
    BadInputError,
    FileFault,
    RowFaults,
)
from shardline.components.readers.files.judging.remedies import (
    FOR_ANY,
    FOR_LABEL,
    FOR_PAIRED,
    Remedies,
)
from shardline.components.readers.files.judging.tally import Tally
from shardline.components.readers.files.raw_batch import RawBatch, ReadTask, mark_long
from shardline.components.readers.files.read_settings import ReadSettings
from shardline.components.readers.files.spans.times import (
    MICROSECONDS,
    row_times,
    rows_outside,
)
from shardline.components.readers.files.splits.held_out_rows import held_out_rows
from shardline.components.readers.files.units import Unit
from shardline.configs.column import Column
from shardline.configs.shown import escaped, shown


def read_unit(
    unit: Unit,
    settings: ReadSettings,
    bad: BadInput,
    batch_rows: int = 4096,
    *,
    tally: Tally | None = None,
) -> Iterator[tuple[str, pa.RecordBatch]]:
    """Reads a unit of work. Reading it again gives and leaves out the same rows.

    Args:
        unit: what to read.
        settings: how, for the split that the file is of.
        bad: where bad rows and files are counted, or raise.
        batch_rows: the most rows of a batch.
        tally: where rows are counted, or None.

    Yields:
        Split and batch; the columns are those of the settings, in their order, and then
        those that are kept.

    Raises:
        BadInputError: the file or a row is bad, and that is an error.
    """
    tally = Tally() if tally is None else tally
    task = ReadTask(unit.file, unit.part, unit.parts, settings, bad, batch_rows, tally)
    bad_before = bad.left_out
    tables = side_tables(settings.joins)
    _check_is_apart(unit.file, tables)
    for table in tables:
        table.tell(bad)
    try:
        for raw in READERS[settings.format](task):
            for split, batch in _split(raw, task, tables):
                tally.give(unit.file, split, batch.num_rows)
                yield split, batch
    except FileFault as fault:
        bad.add_file(unit.file, str(fault))
    tally.leave_out(unit.file, bad.left_out - bad_before)


def _check_is_apart(file: str, tables: Sequence[SideTable]) -> None:
    """Refuses side files among the examples, as a pattern of all files may take."""
    for table in tables:
        if file in table.join.files:
            raise BadInputError(
                f"{escaped(file, keep='')}: it is among the examples, and in "
                f"`{table.join.config_key}`. Let one of the two patterns match it."
            )


def _split(
    raw: RawBatch, task: ReadTask, tables: Sequence[SideTable]
) -> Iterator[tuple[str, pa.RecordBatch]]:
    settings, tally, faults = task.settings, task.tally, raw.faults
    passed = np.zeros(len(faults.good), bool)
    if settings.times is not None:
        name = settings.times.column
        in_file = raw.stored.get(name, raw.columns[name])
        _check_is_there(name, in_file, None, raw)
        times = row_times(settings.times, listed(in_file), faults)
        passed = rows_outside(settings.times, times, faults)
        tally.pass_over(task.file, int(np.count_nonzero(passed)))
    raw = with_joined(raw, tables, task.bad)
    # As the file has them: what else reads a column does not change its splits.
    stored = {
        name: listed(raw.stored.get(name, raw.columns[name]))
        for name in {*settings.split_columns, *settings.kept}
    }
    lists, arrays = _columns(raw, settings)
    _check_pairs(lists, settings, raw)
    _check_crosses(lists, settings, faults)
    if settings.label is not None:
        arrays[settings.label] = _labels(lists[settings.label], settings, faults)
    if settings.times is not None and settings.times.column not in arrays:
        seconds = pa.array(times // MICROSECONDS)
        offsets = pa.array(np.arange(len(times) + 1))
        of_rows = pa.LargeListArray.from_arrays(offsets, seconds)
        arrays[settings.times.column] = of_rows
    for name in settings.kept:
        arrays[name] = kept_column(
            name,
            stored[name],
            faults,
            is_text=name in raw.text,
            as_text=settings.format == "tfrecord" and name not in settings.joined,
        )
    held_out = held_out_rows(settings.held_out, stored, faults, raw.row_texts)
    batch = pa.RecordBatch.from_arrays(list(arrays.values()), list(arrays))
    rest = ~passed
    for rows in held_out.values():
        rest &= ~rows
    for split, of_split in {settings.split: rest, **held_out}.items():
        tally.look_at(raw, split, of_split)
        rows = of_split & faults.good
        if not rows.any():
            continue
        if rows.all():
            yield split, batch
        else:
            yield split, batch.filter(pa.array(rows))


def _columns(
    raw: RawBatch, settings: ReadSettings
) -> tuple[dict[str, Lists], dict[str, pa.Array]]:
    """Returns the values of all columns, and the arrays of those to give on."""
    lists: dict[str, Lists] = {}
    arrays: dict[str, pa.Array] = {}
    # An example may lack a key, and has no row of the side files then.
    may_lack = {*settings.kept, *(join.key for join in settings.joins)}
    may_lack -= set(settings.columns)
    for name in [*settings.columns, *settings.splitting]:
        array = raw.columns[name]
        lists[name] = listed(array)
        lengths = lists[name].lengths
        long = np.flatnonzero(lengths > settings.max_values)
        mark_long(name, long, lengths, settings.max_values, raw.faults_of(name))
        if name not in may_lack:
            _check_is_there(name, array, settings.columns.get(name), raw)
        if name in settings.columns:
            is_text = name in raw.text
            if settings.has_words(name):
                words, is_text = settings.label_words, True
                lists[name] = worded(lists[name], words, settings.label_dialect)
                mark_unknown(name, lists[name], words, raw.faults_of(name))
            lists[name], arrays[name] = canonical(
                name,
                lists[name],
                settings.columns[name],
                raw.faults_of(name),
                is_text=is_text,
                remedies=_remedies(name, settings),
            )
    return lists, arrays


def _remedies(name: str, settings: ReadSettings) -> Remedies:
    if name == settings.label:
        return FOR_LABEL
    is_paired = any(name in pair for pair in settings.paired)
    return FOR_PAIRED if is_paired else FOR_ANY


def _check_is_there(
    name: str, array: pa.Array, column: Column | None, raw: RawBatch
) -> None:
    """Marks the rows if none has a column that each must have, as splits need one."""
    is_needed = column is None or not (column.ragged or column.optional)
    if is_needed and array.null_count == len(array):
        _mark_absent(name, np.arange(len(array)), raw)


def _mark_absent(name: str, rows: np.ndarray, raw: RawBatch) -> None:
    """Marks rows that need a column, if no example of the batch names it."""
    names = raw.names() if raw.names is not None and len(rows) else [name]
    if name in names or name in raw.joined:
        return
    raw.faults.mark(
        rows,
        f"has no column `{shown(name)}`",
        lambda _: f"its columns are {columns_shown(names)}",
        f"{meant(name, names)}Correct the column's name in the configuration, or write "
        "the column.",
    )


def _check_pairs(
    lists: dict[str, Lists], settings: ReadSettings, raw: RawBatch
) -> None:
    for weights, ids in settings.paired:
        for name, other in ((weights, ids), (ids, weights)):
            if raw.columns[name].null_count == len(raw.columns[name]):
                _mark_absent(name, np.flatnonzero(lists[other].lengths), raw)
        _check_pair(weights, ids, lists, raw.faults)


def _check_pair(
    weights: str, ids: str, lists: dict[str, Lists], faults: RowFaults
) -> None:
    counts, expected = lists[weights].lengths, lists[ids].lengths
    faults.mark(
        np.flatnonzero(counts != expected),
        uneven_weights(weights, ids),
        lambda row: f"{counts[row]:,} weights for {expected[row]:,} ids",
        "Write as many weights as ids.",
    )


def uneven_weights(weights: str, ids: str) -> str:
    """Returns the reason for which rows with more or fewer weights than ids are bad.

    Args:
        weights: the name of the column of the weights.
        ids: the name of the column of the ids.
    """
    return (
        f"column `{shown(weights)}` has not one weight for each id in column "
        f"`{shown(ids)}`"
    )


def _check_crosses(
    lists: dict[str, Lists], settings: ReadSettings, faults: RowFaults
) -> None:
    for left, right in settings.crossed:
        pairs = lists[left].lengths * lists[right].lengths
        faults.mark(
            np.flatnonzero(pairs > settings.max_values),
            f"columns `{shown(left)}` and `{shown(right)}` cross to more than "
            f"{settings.max_values:,} pairs",
            functools.partial(_said_pairs, pairs),
            "Shorten one of them, or raise `data.files.max_values`.",
        )


def _said_pairs(pairs: np.ndarray, row: int) -> str:
    return f"it has {pairs[row]:,}"


def _labels(lists: Lists, settings: ReadSettings, faults: RowFaults) -> pa.Array:
    """Returns the labels as 0 and 1; NaN is marked already."""
    labels = lists.values.to_numpy(zero_copy_only=False)
    if settings.positive_from is not None:
        labels = (labels >= settings.positive_from).astype(np.float32)
    is_bad = (labels != 0) & (labels != 1)
    faults.mark(
        lists.row_of(np.flatnonzero(is_bad)),
        f"label `{shown(settings.label)}` is neither 0 nor 1",
        lambda row: f"it is {lists.shown(row)}",
        "Correct it, or give `data.files.positive_from`, from which on it is 1.",
    )
    return pa.LargeListArray.from_arrays(pa.array(lists.offsets), pa.array(labels))
