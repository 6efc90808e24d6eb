"""Names of published versions: folders with a number for a name.

TensorFlow Serving serves the largest number among the children of its folder, and looks
at no other name.
"""

from __future__ import annotations

from collections.abc import Iterable


def versions_among(names: Iterable[str]) -> list[int]:
    """Returns the versions among names of a folder's children, smallest first.

    A name counts as this project writes it: decimal digits, no leading zero.
    """
    bare = (name.rstrip("/") for name in names)
    return sorted(
        int(name)
        for name in bare
        if name.isascii() and name.isdecimal() and str(int(name)) == name
    )


def latest_version(names: Iterable[str]) -> int | None:
    """Returns the largest version among the names in a serving folder, or None."""
    return max(versions_among(names), default=None)
