"""What a model has learnt: the names of many spans in few words."""

from collections.abc import Iterable

from shardline.components.contracts.spans.plan import PlannedSpan
from shardline.configs.span_names import read_span

_TO = " to "


def together(spans: Iterable[str]) -> tuple[str, ...]:
    """Returns spans with parts put together, and those that follow each other as one.

    Args:
        spans: their names, in the order in which they were learnt, such as `1`, `2`,
            `3/head` and `3/tail`; or what this function returned for the first of them.

    Returns:
        Such as `1 to 3`.
    """
    told: list[str] = []
    for span in spans:
        told.append(span)
        if len(told) > 1 and (whole := _whole(told[-2], span)):
            told[-2:] = [whole]
        if len(told) > 1 and (joined := _joined(told[-2], told[-1])):
            told[-2:] = [joined]
    return tuple(told)


def has_learnt(spans: str, judged: PlannedSpan) -> bool:
    """Tells whether a model has learnt examples of a span or of one of its parts.

    Args:
        spans: what it has learnt, as `together` names it, with commas between.
        judged: the span or part.
    """
    return any(_covers(told, judged) for told in spans.split(", "))


def _covers(told: str, judged: PlannedSpan) -> bool:
    first, to, last = told.partition(_TO)
    if not to:
        name, _, part = told.partition("/")
        is_part = not part or judged.part in ("all", part)
        return name.partition(".v")[0] == judged.span and is_part
    begin, end, span = read_span(first), read_span(last), read_span(judged.span)
    if begin is None or end is None or span is None or span.every != begin.every:
        return False
    return begin.start <= span.start <= end.start


def _whole(before: str, span: str) -> str:
    """Returns the span whose two parts these are; "" if they are not."""
    name, _, part = span.partition("/")
    return name if part == "tail" and before == f"{name}/head" else ""


def _joined(before: str, span: str) -> str:
    """Returns both as one if the second follows the first; else ""."""
    first, _, last = before.partition(_TO)
    end = read_span(last or first)
    if end is None or end.after().name != span:
        return ""
    return f"{first}{_TO}{span}"
