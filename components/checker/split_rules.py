"""What a sample tells of held-out splits: whether their rules can be meant so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from shardline.components.checker.findings import Finding, Place
from shardline.components.readers.files.judging.bad_input import BadInputError
from shardline.components.readers.files.read_settings import ReadSettings
from shardline.components.readers.files.sampling import Piece
from shardline.components.readers.files.splits.sampled import (
    SampledSplit,
    sampled_split,
)
from shardline.configs.schema import HeldOut
from shardline.configs.shown import quoted, shown


def split_findings(
    pieces: Sequence[Piece], settings: ReadSettings, *, is_whole: bool
) -> Iterator[Finding]:
    """Yields what is wrong or odd with the rules of held-out splits.

    Args:
        pieces: the sample.
        settings: how the data are read.
        is_whole: whether the sample is all of the data.
    """
    is_free = np.ones(sum(piece.batch.num_rows for piece in pieces), bool)
    for split, rule in settings.held_out.items():
        if any(rule.column not in piece.batch.schema.names for piece in pieces):
            continue
        try:
            seen = sampled_split(split, rule, pieces, settings)
        except BadInputError as error:
            yield _finding(split, rule, str(error), "")
            continue
        yield from _bad_rows(split, rule, seen, settings)
        takes = seen.takes & is_free
        is_free &= ~takes
        if not seen.bad:
            yield from _shares(split, rule, seen, takes, is_free, is_whole)


def _bad_rows(
    split: str, rule: HeldOut, seen: SampledSplit, settings: ReadSettings
) -> Iterator[Finding]:
    rows = len(seen.takes)
    for reason, count in seen.bad.rows.items():
        told = seen.bad.first[reason][0][2]
        yield _finding(
            split,
            rule,
            f"{count:,} of {rows:,} sampled examples cannot be used: {told}",
            "",
            is_fault=settings.on_bad_example == "error" or count == rows,
        )


def _shares(
    split: str,
    rule: HeldOut,
    seen: SampledSplit,
    takes: np.ndarray,
    is_free: np.ndarray,
    is_whole: bool,
) -> Iterator[Finding]:
    """Yields a split that leaves `train` nothing, or has nothing itself."""
    rows = len(takes)
    if takes.any() and not is_free.any():
        others = "" if takes.all() else ", with those before it,"
        yield _finding(
            split,
            rule,
            f"it takes{others} all {rows:,} sampled examples, and leaves none for "
            f"`train`{_why(rule, seen)}.",
            seen.advice
            or "Correct its rule, or sample more by `--rows` if the files "
            "begin with its examples.",
        )
    elif not takes.any():
        meant = "" if is_whole else "That is well if the files are in the order of its "
        meant += "" if is_whole else "column; else correct its rule."
        yield _finding(
            split,
            rule,
            f"no sampled example is in it{_why(rule, seen)}.",
            seen.advice or meant or "Correct its rule: the sample is all there is.",
            is_fault=is_whole or bool(seen.advice),
        )


def _why(rule: HeldOut, seen: SampledSplit) -> str:
    if rule.at_least is None:
        return f", by `fraction: {rule.fraction}`"
    column = f"column `{shown(rule.column)}`"
    goes = f"goes {seen.goes}" if seen.goes else "has no value"
    return f": {column} {goes}, and `at_least` is {quoted(rule.at_least)}"


def _finding(
    split: str, rule: HeldOut, fact: str, remedy: str, *, is_fault: bool = True
) -> Finding:
    key = "fraction" if rule.at_least is None else "at_least"
    place: Place = ("data", "files", "held_out", split, key)
    return Finding(place, f"split `{split}`", fact, remedy, rule.column, is_fault)
