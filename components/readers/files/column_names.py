"""Names of columns in messages: those that are there, and the one that was meant."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from shardline.configs.shown import shown

_NAMED = 20


def columns_shown(names: Sequence[str]) -> str:
    """Returns the first names, control characters escaped; "none" if there is none."""
    listed = ", ".join(f"`{shown(name)}`" for name in names[:_NAMED])
    return f"{listed}{' ...' if len(names) > _NAMED else ''}" or "none"


def nearest(name: str, names: Sequence[str]) -> str | None:
    """Returns the name that another one may stand for, or None.

    One that differs in case or in blanks around it goes before others that are close.
    """
    plain = name.strip().casefold()
    alike = [other for other in names if other.strip().casefold() == plain]
    return next(iter(alike or difflib.get_close_matches(name, names, n=1)), None)


def meant(name: str, names: Sequence[str]) -> str:
    """Returns "Did you mean ...? " with the nearest name, or nothing if none is."""
    found = None if name in names else nearest(name, names)
    return f"Did you mean `{shown(found)}`? " if found is not None else ""
