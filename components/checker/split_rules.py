"""What a sample tells of held-out splits: whether their rules can be meant so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from shardline.components.checker.findings import Finding
from shardline.components.readers.files.judging.bad_input import BadInputError
from shardline.components.readers.files.read_settings import ReadSettings
from shardline.components.readers.files.sampling import Piece
from shardline.components.readers.files.splits.sampled import (
    SampledSplit,
    sampled_split,
)
from shardline.configs.schema import HeldOut
from shardline.configs.shown import quoted, shown

# Whether whole rows are drawn, and what to do if none is left for `train`.
_LEAVE_MORE = {
    False: "Correct its rule, or sample more by `--rows` if the files begin with its "
    "examples.",
    True: "Give smaller fractions.",
}


def split_findings(
    pieces: Sequence[Piece], read_settings: ReadSettings, *, is_whole: bool
) -> Iterator[Finding]:
    """Yields what is wrong or odd with the rules of held-out splits.

    Args:
        pieces: the sample.
        read_settings: how the data are read.
        is_whole: whether the sample is all of the data.
    """
    is_free = np.ones(sum(piece.batch.num_rows for piece in pieces), bool)
    for split, rule in read_settings.held_out.items():
        named = [] if rule.column is None else [rule.column]
        if any(not set(named) <= set(piece.batch.schema.names) for piece in pieces):
            continue
        try:
            sampled = sampled_split(split, rule, pieces, read_settings)
        except BadInputError as error:
            yield _finding(split, rule, str(error), "")
            continue
        yield from _bad_rows(split, rule, sampled, read_settings)
        takes = sampled.takes & is_free
        is_free &= ~takes
        if not sampled.bad:
            yield from _shares(split, rule, sampled, takes, is_free, is_whole)


def _bad_rows(
    split: str, rule: HeldOut, sampled: SampledSplit, read_settings: ReadSettings
) -> Iterator[Finding]:
    rows = len(sampled.takes)
    for reason, count in sampled.bad.rows.items():
        first = sampled.bad.first[reason][0][2]
        yield _finding(
            split,
            rule,
            f"{count:,} of {rows:,} sampled examples cannot be used: {first}",
            "",
            is_fault=read_settings.on_bad_example == "error" or count == rows,
        )


def _shares(
    split: str,
    rule: HeldOut,
    sampled: SampledSplit,
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
            f"`train`{_why(rule, sampled)}.",
            sampled.advice or _LEAVE_MORE[rule.column is None],
        )
    elif not takes.any():
        remedy = "Correct its rule: the sample is all there is."
        if not is_whole:
            remedy = (
                "That is well if it shall be so small, or else give a larger fraction."
                if rule.column is None
                else "That is well if the files are in the order of its column; else "
                "correct its rule."
            )
        yield _finding(
            split,
            rule,
            f"no sampled example is in it{_why(rule, sampled)}.",
            sampled.advice or remedy,
            is_fault=is_whole or bool(sampled.advice),
        )


def _why(rule: HeldOut, sampled: SampledSplit) -> str:
    if rule.at_least is None:
        return f", by `fraction: {rule.fraction}`"
    column = f"column `{shown(rule.column)}`"
    goes = f"goes {sampled.goes}" if sampled.goes else "has no value"
    return f": {column} {goes}, and `at_least` is {quoted(rule.at_least)}"


def _finding(
    split: str, rule: HeldOut, message: str, remedy: str, *, is_fault: bool = True
) -> Finding:
    key = "fraction" if rule.at_least is None else "at_least"
    path = ("data", "files", "held_out", split, key)
    who = f"split `{split}`"
    return Finding(path, who, message, remedy, rule.column or "", is_fault)
