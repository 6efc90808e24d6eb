"""Values as a person would write them in Python, in the form that ruff gives them."""

from collections.abc import Sequence
from datetime import timedelta

_UNITS = (("days", 86400), ("hours", 3600), ("minutes", 60), ("seconds", 1))
_LINE = 88
_LAST_OF_PROGRAMS = 128  # of exit codes; those above are of signals
_INDENT = " " * 4


def text_literal(text: str) -> str:
    """Returns a string in double quotes, or in those that need fewer escapes."""
    written = repr(text)
    if written[0] == "'" and '"' not in text:
        return f'"{written[1:-1]}"'
    return written


def assignment(name: str, text: str) -> str:
    """Returns the line that gives a name to a string; lines, where one is too long."""
    literal = text_literal(text)
    line = f"{name} = {literal}"
    if len(line) <= _LINE or len(_INDENT + literal) > _LINE:
        return line
    return f"{name} = (\n{_INDENT}{literal}\n)"


def codes_literal(codes: frozenset[int]) -> str:
    """Returns a set of exit codes: those above 128 as a range less what it lacks.

    Args:
        codes: some up to 128, and some above.
    """
    few = sorted(code for code in codes if code <= _LAST_OF_PROGRAMS)
    first, last = min(codes.difference(few)), max(codes)
    lacking = sorted({*range(first, last + 1)} - codes)
    shown = ", ".join(map(str, few))
    return f"{{{shown}, *range({first}, {last + 1})}} - {{{str(lacking)[1:-1]}}}"


def duration_literal(duration: timedelta) -> str:
    """Returns a duration, in the largest unit of which it is a whole number.

    Args:
        duration: whole seconds, at least one.
    """
    seconds = round(duration.total_seconds())
    unit, length = next(item for item in _UNITS if seconds % item[1] == 0)
    return f"datetime.timedelta({unit}={seconds // length})"


def list_literal(items: Sequence[str], before: str) -> str:
    """Returns a list, on one line if it fits.

    Args:
        items: the literals in it.
        before: what stands before it on its line, with the indentation.

    Returns:
        The lines, with what stands before.
    """
    line = f"{before}[{', '.join(items)}]"
    if len(line) <= _LINE:
        return line
    indent = " " * (len(before) - len(before.lstrip()))
    lines = [f"{indent}{_INDENT}{item}," for item in items]
    return "\n".join([f"{before}[", *lines, f"{indent}]"])
