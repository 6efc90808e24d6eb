"""CSV of a dialect as a stream of UTF-8 that is scanned and parsed."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from typing import IO, Any

from shardline.components.readers.files.formats.csv.syntax import Syntax
from shardline.components.readers.files.judging.bad_input import FileFault
from shardline.configs.shown import quoted

_BLOCK_BYTES = 1 << 18
# As which no byte is changed; a mark of byte order is left out later.
_UTF_8 = {"utf-8", "utf-8-sig"}


def plain_stream(stream: IO[bytes], syntax: Syntax) -> IO[bytes]:
    """Returns a file's text in UTF-8, with one byte between cells and no escapes.

    Args:
        stream: the bytes of the file. In UTF-8 they may be any.
        syntax: of the file's dialect.

    Returns:
        A stream, whose reads raise FileFault for a byte that cannot be decoded.
    """
    encoding = syntax.dialect.encoding
    is_utf_8 = codecs.lookup(encoding).name in _UTF_8
    if is_utf_8 and syntax.stand_ins is None:
        return stream
    blocks = _blocks(stream)
    if not is_utf_8:
        blocks = _recoded(blocks, encoding)
    if syntax.stand_ins is not None:
        blocks = syntax.stand_ins.rewritten(blocks)
    return io.BufferedReader(_Blocks(blocks), _BLOCK_BYTES)


def _blocks(stream: IO[bytes]) -> Iterator[bytes]:
    while block := stream.read1(_BLOCK_BYTES):  # type: ignore[attr-defined]
        yield block


def _recoded(blocks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    """Yields text in UTF-8.

    Raises:
        FileFault: a byte cannot be decoded; the text before it is yielded.
    """
    decoder = codecs.getincrementaldecoder(encoding)()
    done = 0
    for block in blocks:
        before = decoder.getstate()
        try:
            text = decoder.decode(block)
        except UnicodeError:
            decoder.setstate(before)
            good, length = _up_to_fault(decoder, block)
            yield good.encode(errors=_AS_IT_IS)
            said = _undecodable(block[length], done + length, encoding)
            raise FileFault(said) from None
        yield text.encode(errors=_AS_IT_IS)
        done += len(block)
    try:
        yield decoder.decode(b"", final=True).encode(errors=_AS_IT_IS)
    except UnicodeError:
        raise FileFault(
            f"ends within a character of {encoding}, after {done:,} bytes. {_REMEDY}"
        ) from None


def _up_to_fault(decoder: Any, block: bytes) -> tuple[str, int]:
    """Returns the text before a byte that cannot be decoded, and where this is."""
    text = ""
    for place in range(len(block)):
        try:
            text += decoder.decode(block[place : place + 1])
        except UnicodeError:
            return text, place
    return text, len(block) - 1


def _undecodable(byte: int, place: int, encoding: str) -> str:
    return (
        f"holds byte {quoted(bytes([byte]))} at {place:,}, which is no text in "
        f"{encoding}. {_REMEDY}"
    )


_REMEDY = "Correct `data.files.dialect.encoding`, or write the file in it."
# Halves of characters, which some codecs let pass: rows with them are bad.
_AS_IT_IS = "surrogatepass"


class _Blocks(io.RawIOBase):
    """Blocks of bytes as a stream."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._coming = blocks
        self._here = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._here:
            block = next(self._coming, None)
            if block is None:
                return 0
            self._here = memoryview(block)
        size = min(len(buffer), len(self._here))
        buffer[:size] = self._here[:size]
        self._here = self._here[size:]
        return size
