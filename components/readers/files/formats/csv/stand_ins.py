"""Text of CSV with escapes or long delimiters, as text that has neither.

An escaped character that would mean something is put as two that no text has, so that
no rule of rows, quotes and cells sees it; the escape itself goes. A delimiter of
several bytes becomes one byte. Cells are put back once they are parsed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc

from shardline.components.readers.files.columns.byte_arrays import content_of
from shardline.components.readers.files.judging.bad_input import FileFault

# Opens a stand-in: a code point that Unicode keeps out of text for good.
_MARK = "\ufdd0"
_FIRST = 0xE000  # the second characters, one for each text that is stood in for
_MOST_HELD_BYTES = 1 << 28  # a longer line was not meant to be one


@dataclass(frozen=True)
class StandIns:
    """How text is rewritten and put back; picklable.

    Attributes:
        delimiter: what parts cells in the file.
        unit: the character of one byte that is put for it.
        quote: what quotes cells; "" if nothing does.
        escape: the character before one that is meant as it is; None if there is none.
        kept: characters before which an escape stays, for a word begins so.
    """

    delimiter: str
    unit: str
    quote: str
    escape: str | None
    kept: str = ""

    def rewritten(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        """Yields text rewritten.

        Args:
            blocks: the text as the file has it, in UTF-8.

        Raises:
            FileFault: the file is damaged; what comes before is yielded.
        """
        held, seen, damage = bytearray(), 0, None
        while damage is None:
            try:
                block = next(blocks, None)
            except FileFault as fault:
                block, damage = None, fault
            if block is None:
                break
            held += block
            end = self._safe_end(held, seen)
            if end:
                yield self._rewritten(bytes(memoryview(held)[:end]))
                del held[:end]
            seen = len(held)
        if held:
            yield self._rewritten(bytes(held))
        if damage:
            raise damage

    def _safe_end(self, text: bytearray, seen: int) -> int:
        """Returns an end of a line in new text at which no escape may be cut; or 0."""
        if len(text) > _MOST_HELD_BYTES:
            return len(text)
        end = len(text)
        while end > seen:
            end = max(text.rfind(b"\n", seen, end), text.rfind(b"\r", seen, end)) + 1
            if not (self.escape and text[end - 2 : end - 1] == self.escape.encode()):
                return end
            end -= 1
        return 0

    def _rewritten(self, text: bytes) -> bytes:
        for raw in (_MARK, *([self.unit] if self.unit != self.delimiter else [])):
            text = text.replace(raw.encode(), self._stand_ins[raw.encode()])
        if self.escape and self.escape.encode() in text:
            text = self._escaped.sub(self._for_escaped, text)
        if self.unit != self.delimiter:
            text = text.replace(self.delimiter.encode(), self.unit.encode())
        return text

    def _for_escaped(self, found: re.Match[bytes]) -> bytes:
        if found[1] in self._kept:
            return found[0]
        return self._stand_ins.get(found[1], found[1])

    def undone(self, text: bytes) -> bytes:
        """Returns rewritten text as the file has it, without escapes."""
        for put, raw in self._put:
            text = text.replace(put, raw)
        return text

    def undone_cells(self, cells: pa.Array) -> pa.Array:
        """Returns large binary cells as the file has them, without escapes."""
        content = content_of(cells)
        for put, raw in self._put:
            if put in content:
                cells = pc.replace_substring(cells, pattern=put, replacement=raw)
        return cells

    @cached_property
    def _put(self) -> list[tuple[bytes, bytes]]:
        """What was put, and for which text, in the order in which it is undone."""
        put = [(stand_in, text) for text, stand_in in self._stand_ins.items()]
        if self.unit == self.delimiter:
            return put
        return [(self.unit.encode(), self.delimiter.encode()), *put]

    @cached_property
    def _stand_ins(self) -> dict[bytes, bytes]:
        """What is put for text that would mean something; that of the mark is last."""
        texts = [*self._meaning, self.unit, _MARK]
        return {
            text.encode(): f"{_MARK}{chr(_FIRST + number)}".encode()
            for number, text in enumerate(dict.fromkeys(texts))
        }

    @cached_property
    def _escaped(self) -> re.Pattern[bytes]:
        escape = re.escape((self.escape or "").encode())
        texts = [*self._meaning, *self.kept]
        meaning = b"|".join(re.escape(text.encode()) for text in texts)
        return re.compile(rb"%b(%b|.)" % (escape, meaning), re.DOTALL)

    @cached_property
    def _kept(self) -> frozenset[bytes]:
        return frozenset(character.encode() for character in self.kept)

    @property
    def _meaning(self) -> list[str]:
        """What means something unless it is escaped."""
        there = [self.delimiter, *self.delimiter, self.quote, self.escape or ""]
        return [*filter(None, there), "\n", "\r"]
