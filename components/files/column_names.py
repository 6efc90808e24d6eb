"""Names of columns in messages: those that are there, and the one that was meant."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from configs.shown import shown

_NAMED = 20


def columns_shown(names: Sequence[str]) -> str:
    """Returns the first names, control characters escaped; "none" if there is none."""
    told = ", ".join(f"`{shown(name)}`" for name in names[:_NAMED])
    return f"{told}{' ...' if len(names) > _NAMED else ''}" or "none"


def meant(name: str, names: Sequence[str]) -> str:
    """Returns "Did you mean ...? " with the nearest name, or nothing if none is."""
    nearest = [] if name in names else difflib.get_close_matches(name, names, n=1)
    return f"Did you mean `{shown(nearest[0])}`? " if nearest else ""
