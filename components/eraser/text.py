"""Ids in text: found where they stand by themselves, and blackened.

A distinctive id is found anywhere. Another one, such as `17`, is found in a line that
names one of its columns, or side files in which it is a key.
"""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from shardline.components.contracts.erasures.told import BLACKENED
from shardline.components.eraser.report import Change
from shardline.components.eraser.scope import Scope
from shardline.components.eraser.swap import replace

BLACK = BLACKENED.encode()
# What words are made of; an id stands by itself if none of them is next to it.
_WORD = re.compile(rb"[0-9A-Za-z_\x80-\xff]+")
_JOINTS = (b"-", b".", b":", b"+", b"@", b"/")
_FEW = 32


class Finder:
    """Finds ids in bytes, however many there are."""

    def __init__(self, ids: Iterable[bytes]):
        """Takes the ids; JSON's way to write them is looked for, too."""
        self._ids = sorted({form for one in ids for form in _forms(one)})
        self._first: dict[bytes, list[tuple[bytes, int]]] = {}
        self._plain = []
        for one in self._ids:
            if word := _WORD.search(one):
                self._first.setdefault(word[0], []).append((one, word.start()))
            else:
                self._plain.append(one)

    def spans(self, content: bytes) -> Iterator[tuple[int, int]]:
        """Yields (start, end) of each id that stands by itself, in no fixed order.

        Args:
            content: text, or bytes of a file.
        """
        if len(self._ids) <= _FEW:
            for one in self._ids:
                yield from _single(content, one)
            return
        for one in self._plain:
            yield from _single(content, one)
        for word in _WORD.finditer(content):
            for skipped in (0, 1):  # the length may look like a letter
                for one, place in self._first.get(word[0][skipped:], ()):
                    start = word.start() + skipped - place
                    if start >= 0 and content.startswith(one, start):
                        if _stands_alone(content, start, one):
                            yield start, start + len(one)

    def is_in(self, content: bytes) -> bool:
        """Returns whether there is one."""
        return next(self.spans(content), None) is not None

    def may_be_in(self, content: bytes) -> bool:
        """Returns whether there is one, be it as a part of something longer."""
        return len(self._ids) > _FEW or any(one in content for one in self._ids)


class Blackening:
    """Takes the ids of a scope out of text."""

    def __init__(self, scope: Scope):
        """Takes what is erased."""
        self._everywhere = Finder(scope.distinctive)
        self._in_columns = Finder(scope.common)
        self._names = Finder(name.encode() for name in scope.names)

    def of(self, line: str) -> str:
        """Returns a line without ids."""
        return self.of_bytes(line.encode("utf-8", "surrogateescape")).decode(
            "utf-8", "surrogateescape"
        )

    def of_bytes(self, line: bytes) -> bytes:
        """Returns a line without ids."""
        found = list(self._everywhere.spans(line))
        if self._names.is_in(line):
            found += self._in_columns.spans(line)
        for start, end in sorted(found, reverse=True):
            line = line[:start] + BLACK + line[end:]
        return line

    def in_file(self, file: Path, *, is_dry_run: bool = False) -> Change:
        """Blackens ids in a text file, which is replaced if there are any.

        Args:
            file: the file.
            is_dry_run: do not replace it.
        """
        lines = file.read_bytes().split(b"\n")
        blackened = [self.of_bytes(line) for line in lines]
        changed = sum(a != b for a, b in zip(lines, blackened, strict=True))
        if changed and not is_dry_run:
            replace(file, b"\n".join(blackened))
        return Change(lines=changed)


def _forms(token: bytes) -> set[bytes]:
    """Returns how an id may be written: as it is, and as JSON has it in ASCII."""
    forms = {token}
    try:
        text = token.decode()
    except UnicodeDecodeError:
        return forms
    return forms | {_quoted(text, is_ascii).encode() for is_ascii in (True, False)}


def _quoted(text: str, is_ascii: bool) -> str:
    return json.dumps(text, ensure_ascii=is_ascii)[1:-1]


def _single(content: bytes, one: bytes) -> Iterator[tuple[int, int]]:
    start = content.find(one)
    while start >= 0:
        if _stands_alone(content, start, one):
            yield start, start + len(one)
        start = content.find(one, start + 1)


def _stands_alone(content: bytes, start: int, one: bytes) -> bool:
    """Returns whether what is at a place is no part of a longer word or id.

    With `-` in it, `a-1` is part of `a-1-b`, and no part of `a-1 - b`. What has its
    length before it, as in protocol buffers, is whole whatever is next to it.
    """
    end = start + len(one)
    before = content[max(0, start - 2) : start]
    if before.endswith(_length(one)):
        return True
    return not (
        _goes_on(one, content[end : end + 2], one[-1:])
        or _goes_on(one, before[::-1], one[:1])
    )


def _length(one: bytes) -> bytes:
    size = len(one)
    return bytes([size]) if size < 128 else bytes([size % 128 + 128, size >> 7 & 127])


def _goes_on(one: bytes, beyond: bytes, edge: bytes) -> bool:
    """Returns whether a word goes on beyond an edge of an id.

    Args:
        one: the id.
        beyond: the two bytes beyond the edge, the nearer one first.
        edge: the byte of the id at the edge.
    """
    if _WORD.match(beyond):
        return _WORD.match(edge) is not None
    joins = beyond[:1] in _JOINTS and beyond[:1] in one
    return bool(joins and _WORD.match(beyond[1:]))
