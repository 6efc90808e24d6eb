"""What a sample tells of held-out splits: how much they take, and why.

For messages and checks; which rows a split takes is said in `splits`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shardline.components.readers.files.columns.lists import Lists, listed
from shardline.components.readers.files.columns.value_texts import is_text
from shardline.components.readers.files.formats.csv.lists import (
    column_of_cells,
    numbers_of_cells,
)
from shardline.components.readers.files.formats.readers import READERS
from shardline.components.readers.files.judging.bad_input import (
    BadInput,
    BadInputError,
    FileFault,
    RowFaults,
)
from shardline.components.readers.files.judging.tally import Tally
from shardline.components.readers.files.raw_batch import ReadTask
from shardline.components.readers.files.read_settings import ReadSettings
from shardline.components.readers.files.sampling import Piece, sample
from shardline.components.readers.files.splits.boundaries import read_text
from shardline.components.readers.files.splits.held_out_rows import held_out_rows
from shardline.configs.boundaries import Boundary, boundary_of
from shardline.configs.data import HeldOut
from shardline.configs.shown import escaped, quoted, shown

_ROWS = 1000
# Counts since 1970, each with the numbers that are about our time.
_COUNTED = ("seconds", "milliseconds", "microseconds", "nanoseconds")
_FIRST_SECOND, _LAST_SECOND = 10**8, 10**11


class SampledSplit(NamedTuple):
    """What a sample tells of one held-out split.

    Attributes:
        takes: which rows it takes, whatever other splits do, bool [rows].
        goes: between which values its column goes, in words; "" if it has none.
        advice: what to give instead, if boundary and column count in other units.
        bad: rows that tell nothing.
    """

    takes: np.ndarray
    goes: str
    advice: str
    bad: BadInput


def sampled_split(
    split: str, rule: HeldOut, pieces: Sequence[Piece], settings: ReadSettings
) -> SampledSplit:
    """Asks a sample about a held-out split.

    Args:
        split: its name.
        rule: what it takes.
        pieces: as `sample` gives them, with the column of the rule.
        settings: how the files are read.

    Raises:
        BadInputError: in one of the files the column's type cannot be compared with
            what the rule gives.
    """
    parts = []
    for piece in pieces:
        try:
            parts.append(_of_piece(split, rule, piece, settings))
        except FileFault as fault:
            where = escaped(piece.file, keep="")
            raise BadInputError(f"{where}: {fault}") from fault
    bad = BadInput("skip")
    for part in parts:
        bad.merge(part.bad)
    takes = np.concatenate([part.takes for part in parts])
    if rule.at_least is None:
        return SampledSplit(takes, "", "", bad)
    ends = [part.ends for part in parts if part.ends is not None]
    if not ends:
        return SampledSplit(takes, "", "", bad)
    low, high = min(low for low, _ in ends), max(high for _, high in ends)
    goes = f"from {quoted(low)} to {quoted(high)}"
    advice = _advice(boundary_of(rule.at_least), low, high)
    return SampledSplit(takes, goes, advice, bad)


class _Part(NamedTuple):
    """What the sample of one file tells."""

    takes: np.ndarray
    ends: tuple[Any, Any] | None
    bad: BadInput


def _of_piece(split: str, rule: HeldOut, piece: Piece, settings: ReadSettings) -> _Part:
    bad = BadInput("skip")
    if rule.column is None:
        return _Part(_drawn_rows(split, rule, piece, settings), None, bad)
    lists = _column(piece.batch, rule.column, settings)
    rows = piece.batch.num_rows
    faults = RowFaults(bad, rows, piece.file, lambda row: row + 1, "example")
    takes = held_out_rows({split: rule}, {rule.column: lists}, faults)[split]
    if rule.at_least is None:
        return _Part(takes, None, bad)
    return _Part(takes, _ends(lists.values, boundary_of(rule.at_least)), bad)


def _drawn_rows(
    split: str, rule: HeldOut, piece: Piece, settings: ReadSettings
) -> np.ndarray:
    """Reads the rows of a piece again, with all columns, and draws of them."""
    alone = dataclasses.replace(
        settings, held_out={split: rule}, on_bad_example="skip", on_bad_file="skip"
    )
    rows = piece.batch.num_rows
    task = ReadTask(piece.file, 0, 1, alone, alone.new_bad_input(), rows, Tally())
    takes = np.zeros(rows, bool)
    start = 0
    for raw in READERS[settings.format](task):
        drawn = held_out_rows({split: rule}, {}, raw.faults, raw.row_texts)[split]
        takes[start : start + len(drawn)] = drawn[: rows - start]
        start += len(drawn)
        if start >= rows:
            break
    return takes


def why_empty(split: str, files: Sequence[str], settings: ReadSettings) -> str:
    """Returns why a split came out without an example, as far as a sample tells.

    Args:
        split: its name.
        files: the files that it is taken out of, or that others are taken out of it.
        settings: how those are read.
    """
    held_out = {split: settings.held_out[split]} if split in settings.held_out else {}
    sentences = []
    for name, rule in (held_out or settings.held_out).items():
        for file in dict.fromkeys([files[0], files[-1]] if files else []):
            try:
                sentences.append(_sentence(name, rule, file, settings))
            except (BadInputError, KeyError):
                continue  # what cannot be read was reported, or left out, before
    return " ".join(sentences)


def _sentence(split: str, rule: HeldOut, file: str, settings: ReadSettings) -> str:
    columns = settings.wanted if rule.column is None else [rule.column]
    pieces = sample([file], settings, _ROWS, columns)
    of_sample = sampled_split(split, rule, pieces, settings)
    takes, rows = int(of_sample.takes.sum()), len(of_sample.takes)
    start = (
        f"`data.files.held_out.{split}` takes {takes:,} of the first {rows:,} examples "
        f"of {escaped(file, keep='')}"
    )
    if rule.at_least is None:
        return f"{start}, by `fraction: {rule.fraction}`. Give another fraction."
    goes = f"goes {of_sample.goes} there" if of_sample.goes else "has no value there"
    advice = of_sample.advice or f"Give a{' higher' if takes else ' lower'} boundary."
    return (
        f"{start}: column `{shown(rule.column)}` {goes}, and `at_least` is "
        f"{quoted(rule.at_least)}. {advice}"
    )


def _column(batch: pa.RecordBatch, name: str, settings: ReadSettings) -> Lists:
    array = batch.column(name)
    if settings.has_cells(name):
        if name in settings.compared_as_numbers:
            array = numbers_of_cells(array, settings).values
        else:
            array = column_of_cells(array, settings.columns.get(name), settings).values
    return listed(array)


def _ends(values: pa.Array, boundary: Boundary) -> tuple[Any, Any] | None:
    """Returns the least and the greatest value, if there is any."""
    if not is_text(values.type):
        is_half = pa.types.is_float16(values.type)
        ends = pc.min_max(values.cast(pa.float32()) if is_half else values)
        if not ends["min"].is_valid:
            return None
        # As text: a time of nanoseconds is none of Python's.
        return tuple(
            Decimal(text) if boundary.kind == "number" else text
            for text in (_as_text(ends[end]) for end in ("min", "max"))
        )  # type: ignore[return-value]
    texts = values.unique().cast(pa.large_binary()).to_pylist()
    read = {text: read_text(text, boundary.kind) for text in texts}
    known = [text for text, value in read.items() if value is not None]
    if not known:
        return None
    known.sort(key=lambda text: read[text])  # type: ignore[arg-type, return-value]
    if boundary.kind == "number":
        return read[known[0]], read[known[-1]]
    return known[0].decode(), known[-1].decode()


def _as_text(value: pa.Scalar) -> str:
    if pa.types.is_boolean(value.type):
        return str(int(value.as_py()))
    return str(value.cast(pa.large_string()).as_py())


def _advice(boundary: Boundary, low: object, high: object) -> str:
    """Says that one side counts seconds and the other milliseconds, or the like."""
    if not isinstance(boundary.value, Decimal) or not isinstance(low, Decimal):
        return ""
    given, found = _unit(boundary.value), _unit(low)
    if None in (given, found) or given == found or not isinstance(high, Decimal):
        return ""
    if _unit(high) != found:
        return ""
    assert given is not None  # by the test above
    assert found is not None
    meant = boundary.value * Decimal(1000) ** (found - given)
    return (
        f"`at_least` looks like {_COUNTED[given]} since 1970, and the column like "
        f"{_COUNTED[found]}: give `at_least: {int(meant)}`."
    )


def _unit(number: Decimal) -> int | None:
    for power in range(len(_COUNTED)):
        scale = 1000**power
        if _FIRST_SECOND * scale <= number < _LAST_SECOND * scale:
            return power
    return None
