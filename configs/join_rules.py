"""Rules between joins of side files, and between them and the rest of the data."""

from collections.abc import Iterator

from shardline.configs.data import Data
from shardline.configs.dialect import Dialect
from shardline.configs.fault import Fault, Part
from shardline.configs.shown import shown
from shardline.configs.side_files import SideFiles

_FOR_CSV = ("dialect", "list_separator", "list_strip")


def join_faults(data: Data) -> Iterator[Fault]:
    """Yields what is said of side files that does not go together.

    Args:
        data: section `data`.
    """
    if data.files is None:
        return
    known: dict[str, str] = {}  # the join of each column
    for name, side in data.files.join.items():
        part = _part(name)
        yield from _column_faults(part, side, known)
        known.update(dict.fromkeys(side.columns, name))
        format_ = side.format or data.files.format
        for key in _FOR_CSV:
            if format_ != "csv" and getattr(side, key) not in (None, Dialect()):
                yield part.fault(f"`{key}` is for CSV, and the files are {format_}")
    later = dict(known)
    for name, side in data.files.join.items():
        for column in side.columns:
            later.pop(column, None)
        if later.get(side.key) is not None:
            yield _part(name).fault(
                f"its key `{shown(side.key)}` is a column of `{later[side.key]}`, "
                "which is joined after it",
                f"put `{later[side.key]}` before it",
                key="key",
            )
    if data.spans and data.spans.column in known:
        yield _part(known[data.spans.column]).fault(
            f"`data.spans.column` is `{shown(data.spans.column)}`, and spans are cut "
            "by a column of the examples' own files",
            "name another one there",
            key="columns",
        )


def _part(name: str) -> Part:
    return Part(f"join `{name}`", ("data", "files", "join", name))


def _column_faults(
    part: Part, side: SideFiles, known: dict[str, str]
) -> Iterator[Fault]:
    for column in side.columns:
        if column in known:
            yield part.fault(
                f"column `{shown(column)}` is joined from `{known[column]}`, too",
                "give one of them another name, as `columns: {name_here: name_there}`",
                key="columns",
            )
