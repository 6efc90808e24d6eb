"""What is refused once all files of some splits are read: by sums, not row by row.

A column that no row has, a split without rows, more left out than may be, and rows that
a runner has lost.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence

import pyarrow as pa

from shardline.components.readers.files.column_names import columns_shown, meant
from shardline.components.readers.files.judging.bad_input import BadInput, BadInputError
from shardline.components.readers.files.judging.tally import Tally
from shardline.components.readers.files.read_settings import ReadSettings
from shardline.components.readers.files.sampling import sample
from shardline.configs.shown import escaped, shown

_SOME = pa.binary()  # any type but null
# For the names of the columns that are there.
_SAMPLED_ROWS = 1000


class LostRowsError(ValueError):
    """Sums that must be equal differ: rows were lost, or are there twice.

    It is raised with the fact, and says what to do about it itself.
    """

    def __str__(self) -> str:
        """Returns fact and remedy."""
        return f"{super().__str__()} Run it again, or with another runner."


def refuse(
    tally: Tally,
    bad: BadInput,
    files: Mapping[str, Sequence[str]],
    settings: ReadSettings,
) -> None:
    """Refuses what only all rows together can tell.

    Args:
        tally: the tally of all units of the files.
        bad: what was left out of them.
        files: that were to be read, by the split that their rows are of or are held
            out of.
        settings: how they were read.

    Raises:
        LostRowsError: not every file was read, or not every row of one came out.
        BadInputError: a split has no row or not all columns, or too many rows were
            left out.
    """
    for split, paths in files.items():
        _check_rows(tally, bad, paths)
        total = sum(_rows(tally, file) for file in paths)
        if not total:
            raise BadInputError(_no_row(split, paths, bad))
        left_out = sum(tally.left_out[file] for file in paths)
        of_split = settings.of_split(split)
        if settings.must_have_columns:
            for name in [split, *of_split.held_out]:
                _check_columns(tally, name, paths, of_split)
        if not settings.may_leave_out(left_out, total):
            raise BadInputError(_too_many(split, left_out, total, bad, settings))


def _rows(tally: Tally, file: str) -> int:
    """Returns the rows of a file that were read, good and bad."""
    return sum(tally.given.get(file, {}).values()) + tally.left_out[file]


def _check_rows(tally: Tally, bad: BadInput, files: Sequence[str]) -> None:
    if lost := [file for file in files if file not in tally.left_out]:
        raise LostRowsError(
            f"{len(lost)} of {len(files)} files were not read, such as "
            f"{escaped(lost[0], keep='')}: the runner has lost units of work."
        )
    for file in files:
        stored = tally.stored.get(file)
        read = _rows(tally, file) + tally.passed_over.get(file, 0)
        if stored is not None and stored != read and file not in bad.files:
            raise LostRowsError(
                f"{escaped(file, keep='')}: it holds {stored:,} rows, and {read:,} "
                "were read."
            )


def _no_row(split: str, files: Sequence[str], bad: BadInput) -> str:
    lines = "\n".join(bad.lines())
    return (
        f"Split '{split}' has no row in {len(files)} "
        f"{'file' if len(files) == 1 else 'files'}. Correct the pattern of its files, "
        f"or write them again.\n{lines}"
    )


def _check_columns(
    tally: Tally, split: str, files: Sequence[str], settings: ReadSettings
) -> None:
    absent, names = absent_columns(tally, split, files, settings)
    if not absent:
        return
    some = f"{escaped(files[0], keep='')}{' ...' if len(files) > 1 else ''}"
    raise BadInputError(
        "\n".join(
            f"Column `{shown(name)}` is in none of the {tally.looked_at[split]:,} "
            f"examples of split '{split}' ({some}); columns that are there: "
            f"{columns_shown(names)}. {meant(name, names)}Correct the column's name in "
            "the configuration, or write the column, with an empty list where it has "
            "no value."
            for name in absent
        )
    )


def absent_columns(
    tally: Tally, split: str, files: Sequence[str], settings: ReadSettings
) -> tuple[list[str], list[str]]:
    """Returns the columns that no example of a split has, and some that are there.

    Args:
        tally: the tally of what was read.
        split: whose examples are looked at.
        files: where they come from.
        settings: how those are read.
    """
    if not tally.looked_at.get(split):
        return [], []
    having = tally.having.get(split, {})
    wanted = settings.wanted if split == settings.split else list(settings.columns)
    absent = [name for name in wanted if not having.get(name)]
    there = _there(files, settings) if absent else {}
    # A feature of no kind is there, too, though no parser can tell it from none.
    absent = [name for name in absent if not pa.types.is_null(there.get(name, _SOME))]
    return absent, sorted(there)


def _there(files: Sequence[str], settings: ReadSettings) -> dict[str, pa.DataType]:
    """Returns the columns of the first rows of files; null is the type of no value."""
    there: dict[str, pa.DataType] = {}
    with contextlib.suppress(BadInputError):
        for piece in sample(files, settings, _SAMPLED_ROWS, settings.wanted):
            for column in piece.batch.schema:
                if pa.types.is_null(there.get(column.name, pa.null())):
                    there[column.name] = column.type
    return there


def _too_many(
    split: str, left_out: int, total: int, bad: BadInput, settings: ReadSettings
) -> str:
    lines = "\n".join(bad.lines())
    return (
        f"{left_out:,} of the {total:,} examples of split '{split}' are bad "
        f"({left_out / total:.2%}), more than `data.files.max_bad_share` allows "
        f"({settings.max_bad_share:.2%}). Correct the files, or raise "
        f"`data.files.max_bad_share`.\n{lines}"
    )
