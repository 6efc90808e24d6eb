"""Which files are of which span, by `{SPAN}` and `{VERSION}` in their pattern."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from shardline.components.readers.files.judging.bad_input import BadInputError
from shardline.components.readers.files.locations import SPAN, VERSION, match
from shardline.configs.shown import escaped, shown
from shardline.configs.span_names import SPAN_TEXT, SpanName, read_span

_WILD = {
    "**/": "(.*/)?",
    "**": ".*",
    "*": "[^/]*",
    "?": "[^/]",
    SPAN: f"(?P<span>{SPAN_TEXT})",
    VERSION: r"(?P<version>\d+)",
}
_PIECE = re.compile(r"(\*\*/|\*\*|\*|\?|\[[^]]+\]|{SPAN}|{VERSION})")


class SpanOfFiles(NamedTuple):
    """A version of a span, and its files.

    Attributes:
        span: the span.
        version: from 1 on; 1 if the pattern has no `{VERSION}`.
        files: as `match` gives them, sorted.
    """

    span: SpanName
    version: int
    files: tuple[str, ...]


class FilesBySpan(NamedTuple):
    """What a pattern has found.

    Attributes:
        spans: in the order of time, versions of a span in theirs.
        strays: why a file that has some text for `{SPAN}` is of no span, by file. Those
            whose text begins with `.` or `_`, as that of unfinished folders does, are
            left out.
    """

    spans: Sequence[SpanOfFiles]
    strays: Mapping[str, str]


def files_by_span(path: str, pattern: str) -> FilesBySpan:
    """Returns the files that match a pattern, by what stands in place of `{SPAN}`.

    Args:
        path: a folder, a single file, or a zip archive.
        pattern: of names below the path, with `{SPAN}`, and `{VERSION}` at most.

    Raises:
        BadInputError: if nothing matches, or two spans overlap.
    """
    spelled: dict[tuple[SpanName, int], dict[str, list[str]]] = {}
    strays: dict[str, str] = {}
    for file in match(path, pattern):
        found = re.search(f"(^|/){_as_regex(pattern)}$", file)
        span = read_span(found["span"]) if found else None
        version = int(found["version"]) if found and VERSION in pattern else 1
        if found and span and version:
            spellings = spelled.setdefault((span, version), {})
            spellings.setdefault(found["span"], []).append(file)
        elif why := _why_stray(file, pattern):
            strays[file] = why
    spans = []
    for (span, version), spellings in sorted(
        spelled.items(), key=lambda item: (item[0][0].start, item[0][0].end, item[0][1])
    ):
        if len(spellings) > 1:
            first, second, *_ = sorted(spellings)
            of_version = f", version {version}" if VERSION in pattern else ""
            raise BadInputError(
                f"{escaped(path, keep='')}: span {span.name}{of_version} is there "
                f"twice, as `{shown(first)}` ({spellings[first][0]}) and as "
                f"`{shown(second)}` ({spellings[second][0]}). Remove one of them, or "
                f"give versions with {VERSION}."
            )
        files = tuple(file for some in spellings.values() for file in some)
        spans.append(SpanOfFiles(span, version, files))
    _check_one_kind(path, spans)
    return FilesBySpan(spans, strays)


def _check_one_kind(path: str, spans: Sequence[SpanOfFiles]) -> None:
    """Refuses numbers beside dates, and periods of several lengths: they overlap."""
    first = {span.span.every: span for span in reversed(spans)}
    if len(first) > 1:
        other, one, *_ = first.values()
        raise BadInputError(
            f"{escaped(path, keep='')}: spans overlap: {_kind(one.span)} "
            f"{one.span.name} ({one.files[0]}) is beside {_kind(other.span)} "
            f"{other.span.name} ({other.files[0]}). Keep spans of one kind there."
        )


def _kind(span: SpanName) -> str:
    return "number" if span.every is None else span.every.replace("_", " ")


def _why_stray(file: str, pattern: str) -> str:
    """Returns why a file is of no span; "" if it is not meant to be of one."""
    found = re.search(f"(^|/){_as_loose_regex(pattern)}$", file)
    if not found:
        return ""  # a deeper name, which `match` took for another reason
    texts = [text for name, text in found.groupdict().items() if name[0] == "s"]
    if any(text.startswith((".", "_")) for text in texts):
        return ""
    if len(set(texts)) > 1:
        return f"names two spans, `{shown(texts[0])}` and `{shown(texts[1])}`"
    version = found.groupdict().get("v0")
    if version is not None and (not version.isdecimal() or not int(version)):
        return f"`{shown(version)}` is no version, which is a number from 1 on"
    return f"`{shown(texts[0])}` is no span, which is a number or a date that exists"


@functools.cache
def _as_regex(pattern: str) -> str:
    regex = "".join(_WILD.get(piece) or _literal(piece) for piece in _pieces(pattern))
    # What a path names twice has the same text twice.
    for name in ("span", "version"):
        text = _WILD[SPAN if name == "span" else VERSION]
        first, named, others = regex.partition(text)
        regex = first + named + others.replace(text, f"(?P={name})")
    return regex


@functools.cache
def _as_loose_regex(pattern: str) -> str:
    regex, spans, versions = "", 0, 0
    for piece in _pieces(pattern):
        if piece == SPAN:
            regex += f"(?P<s{spans}>[^/]*)"
            spans += 1
        elif piece == VERSION:
            regex += f"(?P<v{versions}>[^/]*)"
            versions += 1
        else:
            regex += _WILD.get(piece) or _literal(piece)
    return regex


def _pieces(pattern: str) -> list[str]:
    return _PIECE.split(pattern)


def _literal(piece: str) -> str:
    is_class = piece.startswith("[") and piece.endswith("]")
    return piece.replace("[!", "[^", 1) if is_class else re.escape(piece)
