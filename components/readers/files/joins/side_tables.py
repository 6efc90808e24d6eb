"""Side files that a process holds: read once, whichever of its threads asks first."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence

from shardline.components.readers.files.joins.join import Join
from shardline.components.readers.files.joins.side_table import (
    SideTable,
    read_side_files,
)

# A process reads one set of examples after the other, and may compare two.
_MOST_HELD = 2

_held: OrderedDict[str, list[SideTable]] = OrderedDict()
_lock = threading.Lock()


def side_tables(joins: Sequence[Join]) -> list[SideTable]:
    """Returns the tables of joins, in their order.

    Args:
        joins: those of some settings; located.

    Raises:
        BadInputError: side files are bad.
    """
    if not joins:
        return []
    known_as = repr(joins)
    with _lock:
        if known_as not in _held:
            _held[known_as] = [read_side_files(join) for join in joins]
            while len(_held) > _MOST_HELD:
                _held.popitem(last=False)
        _held.move_to_end(known_as)
        return _held[known_as]
