"""Side files that a process holds: read once, whichever of its threads asks first."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence

from shardline.components.readers.files.joins.join import Join
from shardline.components.readers.files.joins.side_table import (
    SideTable,
    read_side_files,
)
from shardline.components.readers.files.judging.bad_input import BadInputError

# A process reads one set of examples after the other, and may compare two.
_MOST_HELD = 2

_held: OrderedDict[str, list[SideTable]] = OrderedDict()
_lock = threading.Lock()


class SideFilesError(BadInputError):
    """Side files that cannot be used as they are.

    Attributes:
        faults: what is wrong, by the name of the join.
    """

    def __init__(self, faults: Mapping[str, str]) -> None:
        """Takes what is wrong, by the name of the join."""
        super().__init__(faults)
        self.faults = faults

    def __str__(self) -> str:
        """Returns all that is wrong, a line each."""
        return "\n".join(self.faults.values())


def side_tables(joins: Sequence[Join]) -> list[SideTable]:
    """Returns the tables of joins, in their order.

    Args:
        joins: those of some settings; located.

    Raises:
        SideFilesError: side files are bad.
    """
    if not joins:
        return []
    known_as = repr(joins)
    with _lock:
        if known_as not in _held:
            _held[known_as] = _tables(joins)
            while len(_held) > _MOST_HELD:
                _held.popitem(last=False)
        _held.move_to_end(known_as)
        return _held[known_as]


def _tables(joins: Sequence[Join]) -> list[SideTable]:
    tables, faults = [], {}
    for join in joins:
        try:
            tables.append(read_side_files(join))
        except BadInputError as error:
            faults[join.name] = str(error)
    if faults:
        raise SideFilesError(faults)
    return tables
