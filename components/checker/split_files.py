"""The files of a split, each looked at from its start: which can be read, which not."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from shardline.components.checker.findings import Finding
from shardline.components.readers.files.heads import Head, head_of
from shardline.components.readers.files.read_settings import ReadSettings
from shardline.configs.shown import escaped, shown

_LOOKED_AT = 1000
_NAMED = 3  # faults of one kind
_SHOWN = 20  # columns, in messages


@dataclasses.dataclass(frozen=True)
class SplitFiles:
    """The files of one split.

    Attributes:
        split: the name of the split.
        heads: what the starts of the files tell that were looked at.
        files: all files of the split.
    """

    split: str
    heads: tuple[Head, ...]
    files: tuple[str, ...]

    @property
    def with_rows(self) -> list[Head]:
        """The files that can be read and have rows."""
        return [head for head in self.heads if head.has_rows]

    def usable(self, wanted: Sequence[str]) -> list[str]:
        """Returns the files that have rows, and each wanted column once."""
        return [head.file for head in self.with_rows if not lacking(head, wanted)]

    @property
    def rows(self) -> int | None:
        """How many rows all files have; None if their starts do not tell."""
        counts = [head.rows for head in self.heads if not head.fault]
        if len(self.heads) < len(self.files) or None in counts:
            return None
        return sum(count for count in counts if count is not None)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that any file with rows names, in order."""
        return tuple(dict.fromkeys(c for head in self.with_rows for c in head.columns))

    def has_no_header(self, wanted: Sequence[str]) -> bool:
        """Tells whether the first lines of the files seem to be no headers."""
        heads = [head for head in self.with_rows if head.columns]
        return bool(heads) and all(is_unlike(head, wanted) for head in heads)

    def names(self, column: str) -> bool | None:
        """Tells whether a file with rows has a column; None if that takes reading."""
        heads = [head for head in self.with_rows if head.columns]
        return any(column in head.columns for head in heads) if heads else None


def look(split: str, files: Sequence[str], read_settings: ReadSettings) -> SplitFiles:
    """Looks at the start of every file of a split, or of the first thousand.

    Args:
        split: the name of the split.
        files: its files.
        read_settings: how they are read.
    """
    heads = tuple(head_of(file, read_settings) for file in files[:_LOOKED_AT])
    return SplitFiles(split, heads, tuple(files))


def notes(files: SplitFiles) -> Iterator[str]:
    """Yields what is not looked at, or is left out without harm."""
    looked_at, count = len(files.heads), len(files.files)
    if looked_at < count:
        yield (
            f"Split `{files.split}` has {count:,} files; the first {looked_at:,} were "
            "looked at."
        )
    empty = [head.file for head in files.heads if head.rows == 0]
    if empty and files.with_rows:
        yield (
            f"{len(empty):,} of {looked_at:,} files of split `{files.split}` have no "
            f"row and are left out, such as {escaped(empty[0], keep='')}."
        )


def file_findings(
    files: SplitFiles, wanted: Sequence[str], *, is_skipped: bool
) -> Iterator[Finding]:
    """Yields what is wrong with files as a whole.

    Args:
        files: the files of one split.
        wanted: the columns that each file must have, once.
        is_skipped: whether a bad file is left out if others are good.
    """
    path, who = ("data", "files", "splits", files.split), f"split `{files.split}`"
    if all(head.rows == 0 for head in files.heads):
        first, count = escaped(files.heads[0].file, keep=""), len(files.heads)
        message = f"{first} has no row."
        if count > 1:
            message = f"none of its {count:,} files has a row, such as {first}."
        yield Finding(path, who, message, "Write rows, or correct the pattern.")
    faults = [(head.file, head.fault) for head in files.heads if head.fault]
    faults += [
        (head.file, fault)
        for head in files.with_rows
        if (fault := _fault_of_columns(head, wanted))
    ]
    is_fault = not (is_skipped and files.usable(wanted))
    for file, fault in faults[:_NAMED]:
        message = f"{escaped(file, keep='')}: {fault}"
        yield Finding(path, who, message, "", is_fault=is_fault)
    if len(faults) > _NAMED:
        yield Finding(
            path,
            who,
            f"{len(faults) - _NAMED:,} more of {len(files.heads):,} files are like "
            f"that, such as {escaped(faults[-1][0], keep='')}.",
            "",
            is_fault=is_fault,
        )


def is_unlike(head: Head, wanted: Sequence[str]) -> bool:
    """Tells whether a file's first line seems to be no header."""
    return bool(head.unlike) and not set(head.columns) & set(wanted)


def lacking(head: Head, wanted: Sequence[str]) -> bool:
    """Tells whether a file names its columns, but not each wanted one once."""
    return bool(head.columns) and any(head.columns.count(n) != 1 for n in wanted)


def _fault_of_columns(head: Head, wanted: Sequence[str]) -> str:
    if not lacking(head, wanted):
        return ""
    if is_unlike(head, wanted):
        return head.unlike
    what = "schema" if head.rows else "header"
    name = next(name for name in wanted if head.columns.count(name) != 1)
    more = " ..." if len(head.columns) > _SHOWN else ""
    return (
        f"its {what} names {head.columns.count(name)} columns `{shown(name)}`, "
        f"expected one; it names {', '.join(map(shown, head.columns[:_SHOWN]))}{more}. "
        "Correct the file, or the name in the configuration."
    )
