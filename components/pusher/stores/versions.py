"""Names of published versions: folders with a number for a name.

TensorFlow Serving serves the largest number among the children of its folder, and looks
at no other name.
"""

from __future__ import annotations

from collections.abc import Iterable

_LARGEST = 2**63 - 1


def versions_among(names: Iterable[str]) -> list[int]:
    """Returns the versions among names of a folder's children, smallest first.

    A name counts as this project writes it: decimal digits, no leading zero. What is
    too large for TensorFlow Serving, for which versions are int64, is none.
    """
    bare = (name.rstrip("/") for name in names)
    return sorted(int(name) for name in bare if _is_version(name))


def latest_version(names: Iterable[str]) -> int | None:
    """Returns the largest version among the names in a serving folder, or None."""
    return max(versions_among(names), default=None)


def _is_version(name: str) -> bool:
    if not (name.isascii() and name.isdecimal() and len(name) <= len(str(_LARGEST))):
        return False
    return str(int(name)) == name and int(name) <= _LARGEST
