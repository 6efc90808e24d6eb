"""Versions of published models: folders with a number for a name."""

from collections.abc import Iterable


def latest_version(names: Iterable[str]) -> int | None:
    """Returns the largest version among the names in a serving folder, or None.

    TensorFlow Serving serves that one.
    """
    numbers = (name.rstrip("/") for name in names)
    return max((int(name) for name in numbers if name.isdecimal()), default=None)
