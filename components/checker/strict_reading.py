"""Files read as a job reads them, up to some row of each: what cannot be used there."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa

from shardline.components.checker.findings import Finding
from shardline.components.readers.files import (
    BadInput,
    ReadSettings,
    Unit,
    read_unit,
)
from shardline.components.readers.files.column_names import columns_shown, meant
from shardline.components.readers.files.judging.refusals import absent_columns
from shardline.components.readers.files.judging.tally import Tally
from shardline.configs.shown import escaped, shown


class _Enough(Exception):
    """More bad examples than a sample has rows."""


class _SampledBadInput(BadInput):
    """Stops the reading of a long file in which everything is bad."""

    rows_at_most: int = 0

    def add(self, reason: str, count: int, first: list[tuple[str, int, str]]) -> None:
        super().add(reason, count, first)
        if sum(self.rows.values()) >= self.rows_at_most:
            raise _Enough


def read_strictly(
    files: Mapping[str, Sequence[tuple[str, int]]],
    read_settings: ReadSettings,
    *,
    is_all: bool,
) -> tuple[dict[str, pa.RecordBatch], list[Finding]]:
    """Reads the first rows of files as a job does.

    Args:
        files: the files of each split, and the most rows to read of each.
        read_settings: how they are read.
        is_all: whether these rows are all of the data.

    Returns:
        A batch of each split that has rows, and what is bad.
    """
    batches: dict[str, list[pa.RecordBatch]] = {}
    findings: list[Finding] = []
    skipping = dataclasses.replace(read_settings, on_bad_example="skip")
    for split, some in files.items():
        bad, good, tally = _SampledBadInput("skip", "skip"), 0, Tally()
        bad.rows_at_most = sum(rows for _, rows in some)
        with contextlib.suppress(_Enough):
            for file, rows in some:
                of_split = skipping.of_split(split)
                unit = read_unit(Unit(file), of_split, bad, rows, tally=tally)
                for name, batch in _first(unit, rows):
                    batches.setdefault(name, []).append(batch)
                    good += batch.num_rows
        findings += _bad_input(split, bad, read_settings)
        findings += _too_many(split, bad, good, read_settings, is_all=is_all)
        names = [file for file, _ in some]
        findings += _absent_columns(tally, split, names, read_settings, is_all=is_all)
    read_batches = {
        name: pa.Table.from_batches(some).combine_chunks().to_batches()[0]
        for name, some in batches.items()
    }
    return read_batches, findings


def _first(
    read: Iterator[tuple[str, pa.RecordBatch]], rows: int
) -> Iterator[tuple[str, pa.RecordBatch]]:
    """Yields batches until they have so many rows together."""
    left = rows
    for split, batch in read:
        yield split, batch
        left -= batch.num_rows
        if left <= 0:
            return


def _bad_input(
    split: str, bad: BadInput, read_settings: ReadSettings
) -> Iterator[Finding]:
    """Yields the rows and the files of a split that cannot be used."""
    path, who = ("data", "files", "splits", split), f"split `{split}`"
    for reason, count in bad.rows.items():
        yield Finding(
            path,
            who,
            f"{count:,} of the sampled examples cannot be used: "
            f"{bad.first[reason][0][2]}",
            "",
            is_fault=read_settings.on_bad_example == "error",
            causes=frozenset([reason]),
        )
    for file, fault in bad.files.items():
        yield Finding(
            path,
            who,
            f"{escaped(file, keep='')}: {fault}",
            "",
            is_fault=read_settings.on_bad_file == "error",
            causes=frozenset([file]),
        )


def _too_many(
    split: str, bad: BadInput, good: int, read_settings: ReadSettings, *, is_all: bool
) -> Iterator[Finding]:
    """Yields that more would be left out than may be."""
    rows = good + bad.left_out
    is_skipped = read_settings.on_bad_example == "skip"
    if is_skipped and not read_settings.may_leave_out(bad.left_out, rows):
        yield Finding(
            ("data", "files"),
            f"split `{split}`",
            f"{bad.left_out:,} of {rows:,} sampled examples would be left out "
            f"({bad.left_out / rows:.2%}), and `max_bad_share` allows "
            f"{read_settings.max_bad_share:.2%}.",
            "Correct the files, or raise `data.files.max_bad_share`.",
            is_fault=is_all,
        )


def _absent_columns(
    tally: Tally,
    split: str,
    files: Sequence[str],
    read_settings: ReadSettings,
    *,
    is_all: bool,
) -> Iterator[Finding]:
    """Yields the columns that no sampled example of a split has.

    Where others are held out of a split, both may look alike in all of the data.
    """
    of_split = read_settings.of_split(split)
    names = [split, *of_split.held_out] if read_settings.must_have_columns else []
    for name in names:
        absent, columns = absent_columns(tally, name, files, of_split)
        key = "held_out" if name in of_split.held_out else "splits"
        for column in absent:
            yield Finding(
                ("data", "files", key, name),
                f"split `{name}`",
                f"column `{shown(column)}` is in none of the "
                f"{tally.looked_at[name]:,} sampled examples; they have "
                f"{columns_shown(columns)}. {meant(column, columns)}".rstrip(),
                "Write the column, with an empty list where it has no value.",
                column,
                is_fault=is_all or not of_split.held_out,
            )
