"""The spans that are there in the order of time, and those that are missing between."""

import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from shardline.components.readers.span_reader import FoundSpan
from shardline.configs.span_names import SpanName, read_span
from shardline.configs.spans import Spans


class SpanError(ValueError):
    """Spans that cannot be trained on as they are."""


class OverlapError(SpanError):
    """Two spans that hold the same time, or one that is there twice."""


class KnownSpan(NamedTuple):
    """The newest version of a span that is there.

    Attributes:
        name: its name, which tells its place in time.
        found: what the reader has found.
    """

    name: SpanName
    found: FoundSpan


def arranged(found: Sequence[FoundSpan], spans: Spans) -> list[KnownSpan]:
    """Returns the newest version of each span that counts, oldest span first.

    Args:
        found: all versions of all spans, in any order.
        spans: `first` and `every` of them.

    Raises:
        OverlapError: if two spans hold the same time.
        SpanError: if a name is no span, or spans are of several lengths.
    """
    newest: dict[str, KnownSpan] = {}
    seen: set[tuple[str, int]] = set()
    for one in found:
        name = _name(one.span)
        if (name.name, one.version) in seen:
            raise OverlapError(
                f"Span {name.name}, version {one.version}, is there twice. Remove one, "
                "or give it another {VERSION}."
            )
        seen.add((name.name, one.version))
        known = newest.get(name.name)
        if known is None or known.found.version < one.version:
            newest[name.name] = KnownSpan(name, one._replace(span=name.name))
    ordered = sorted(newest.values(), key=lambda span: (span.name.start, span.name.end))
    _check_lengths(ordered, spans)
    first = _name(spans.first).start if spans.first else None
    return [span for span in ordered if first is None or first <= span.name.start]


def missing_between(before: SpanName, after: SpanName) -> Iterator[str]:
    """Yields the names of spans between two of one length, none of which is there.

    Args:
        before: the earlier one.
        after: the later one.
    """
    between = before.after()
    while between.start < after.start:
        yield between.name
        between = between.after()


def start_of(name: str) -> int:
    """Returns what tells the order of spans: where the one of this name begins.

    Raises:
        SpanError: if it is no name of a span.
    """
    return _name(name).start


def _name(text: str) -> SpanName:
    name = read_span(text)
    if name is None:
        raise SpanError(
            f"`{text}` is no name of a span: it is neither a whole number nor a date "
            "as ISO 8601 has it, such as 2026-11-30, 2026-W48, 2026-11 or "
            "2026-11-30T13."
        )
    return name


def _check_lengths(ordered: Sequence[KnownSpan], spans: Spans) -> None:
    """Refuses spans that overlap or are of several lengths."""
    names = [span.name for span in ordered]
    for one, other in itertools.pairwise(names):
        are_dates = one.every is not None and other.every is not None
        if are_dates and other.start < one.end:
            raise OverlapError(
                f"Spans {one.name} and {other.name} overlap: {_length(one)} and "
                f"{_length(other)} of the same time. Remove one of them."
            )
        if one.every != other.every:
            raise SpanError(
                f"Span {one.name} is {_length(one)}, and span {other.name} is "
                f"{_length(other)}. Spans of a run are of one length; name them alike."
            )
    if names and spans.every and spans.every != names[0].every:
        raise SpanError(
            f"`data.spans.every` is {spans.every}, and span {names[0].name} is "
            f"{_length(names[0])}. Correct `every`, or leave it out."
        )
    if names and spans.first and _name(spans.first).every != names[0].every:
        raise SpanError(
            f"`data.spans.first` is {spans.first}, {_length(_name(spans.first))}, and "
            f"span {names[0].name} is {_length(names[0])}. Name a span of that length."
        )


def _length(name: SpanName) -> str:
    if name.every is None:
        return "a number"
    return "an hour" if name.every == "hour" else f"a {name.every.replace('_', ' ')}"
