"""Side files: whether they can be read, and joined to a sample of the examples."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa

from shardline.components.checker.data_sample import DataSample
from shardline.components.checker.findings import Finding
from shardline.components.checker.report import Draft
from shardline.components.checker.uses import Use
from shardline.components.readers.files import BadInput, BadInputError, ReadSettings
from shardline.components.readers.files.formats.csv.lists import (
    column_of_cells,
    keys_of_cells,
)
from shardline.components.readers.files.joins.joining import with_joined
from shardline.components.readers.files.joins.side_table import SideTable
from shardline.components.readers.files.joins.side_tables import (
    SideFilesError,
    side_tables,
)
from shardline.components.readers.files.judging.bad_input import FileFault, RowFaults
from shardline.components.readers.files.raw_batch import RawBatch
from shardline.components.readers.files.sampling import Piece
from shardline.configs.schema import Job
from shardline.configs.shown import escaped, quoted


def is_read(use: Use, job: Job, read_settings: ReadSettings) -> bool:
    """Tells whether what is used is read, as columns and keys of some joins are not.

    Args:
        use: of a column.
        job: the configuration.
        read_settings: with the joins that give a column and can be read.
    """
    joins = job.data.files.join if job.data.files else {}
    if use.role == "join":
        return use.config_path[3] in {join.name for join in read_settings.joins}
    is_joined = any(use.column in side.columns for side in joins.values())
    return not is_joined or use.column in read_settings.joined


def join_sample(
    read_settings: ReadSettings, sample: DataSample, draft: Draft
) -> tuple[ReadSettings, DataSample]:
    """Reads side files, and joins them to a sample.

    Args:
        read_settings: how the data are read.
        sample: of the examples.
        draft: takes what is wrong, and how many examples have no row.

    Returns:
        The settings with their side files found, or without joins and what they give
        where something is wrong with them; and the sample with joined columns.
    """
    alone = _without_joins(read_settings)
    if not sample.path:
        return alone, sample
    found, findings = _located(read_settings, sample.path)
    draft.findings += findings
    if findings:
        return alone, sample
    try:
        tables = side_tables(found.joins)
    except SideFilesError as error:
        draft.findings += [_finding(n, "files", f) for n, f in error.faults.items()]
        return alone, sample
    bad = BadInput("skip", "skip")
    for table in tables:
        table.tell(bad)
    try:
        pieces = [_joined(piece, sample, found, tables, bad) for piece in sample.pieces]
    except BadInputError as error:
        draft.findings.append(_finding(found.joins[0].name, "columns", str(error)))
        return alone, sample
    draft.findings += _unmatched(bad, found, sample.rows or 0)
    draft.notes += _notes(bad, sample.rows or 0)
    return found, dataclasses.replace(sample, pieces=tuple(pieces))


def _without_joins(settings: ReadSettings) -> ReadSettings:
    """Returns settings that ask the examples' files for nothing that joins give."""
    joined = settings.joined
    held_out = {
        split: rule
        for split, rule in settings.held_out.items()
        if rule.column not in joined
    }
    return dataclasses.replace(
        settings, joins=(), columns=settings.own_columns, held_out=held_out
    )


def _located(
    read_settings: ReadSettings, path: str
) -> tuple[ReadSettings, list[Finding]]:
    joins, findings = [], []
    for join in read_settings.joins:
        try:
            joins.append(join.located(path))
        except BadInputError as error:
            findings.append(_finding(join.name, "files", str(error)))
    return dataclasses.replace(read_settings, joins=tuple(joins)), findings


def _joined(
    piece: Piece,
    sample: DataSample,
    settings: ReadSettings,
    tables: Sequence[SideTable],
    bad: BadInput,
) -> Piece:
    rows = piece.batch.num_rows
    faults = RowFaults(bad, rows, piece.file, lambda row: row + 1, "example")
    columns = {
        name: _stored(piece, name, settings) for name in piece.batch.schema.names
    }
    for table in tables:
        columns.setdefault(table.join.key, pa.nulls(rows))
    heads = {head.file: head for head in sample.train.heads} if sample.train else {}
    header = heads[piece.file].columns if piece.file in heads else ()
    keys = {
        name: keys_of_cells(piece.batch.column(name), settings)
        for name in settings.key_columns & set(piece.batch.schema.names)
        if settings.has_cells(name)
    }
    raw = RawBatch(
        columns, faults, keys=keys, header=header or piece.batch.schema.names
    )
    try:
        raw = with_joined(raw, tables, bad)
    except FileFault as fault:
        raise BadInputError(f"{escaped(piece.file, keep='')}: {fault}") from fault
    batch = piece.batch
    for name in settings.joined:
        batch = batch.append_column(name, raw.stored.get(name, raw.columns[name]))
    return dataclasses.replace(piece, batch=batch)


def _stored(piece: Piece, name: str, settings: ReadSettings) -> pa.Array:
    """Returns a column of a sample as it is read."""
    array = piece.batch.column(name)
    if settings.has_cells(name):
        array = column_of_cells(array, settings.columns.get(name), settings).values
    return array


def _unmatched(bad: BadInput, settings: ReadSettings, rows: int) -> Iterator[Finding]:
    """Yields joins that give no sampled example anything."""
    for join in settings.joins:
        count = bad.unmatched.examples.get(join.name, 0)
        without_key = bad.unmatched.without_key.get(join.name, 0)
        if count and count + without_key == rows:
            keys = ", ".join(quoted(k) for *_, k in bad.unmatched.first[join.name])
            yield _finding(
                join.name,
                "key",
                f"no sampled example has a row in its files: column `{join.key}` holds "
                f"keys such as {keys}, and none of them is in column "
                f"`{join.key_in_files}` of {escaped(join.files[0], keep='')}.",
                "Correct `key`, `file_key` or `files`.",
            )


def _notes(bad: BadInput, rows: int) -> Iterator[str]:
    counts: Mapping[str, int] = bad.unmatched.examples
    for name in sorted({**counts, **bad.unmatched.without_key}):
        count = counts.get(name, 0) + bad.unmatched.without_key.get(name, 0)
        yield (
            f"{count:,} of {rows:,} sampled examples ({count / rows:.2%}) have no row "
            f"in `{name}`."
        )


def _finding(join: str, key: str, message: str, remedy: str = "") -> Finding:
    path = ("data", "files", "join", join, key)
    return Finding(path, f"join `{join}`", message, remedy)
