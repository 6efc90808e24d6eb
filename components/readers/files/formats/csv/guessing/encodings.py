"""The encoding of text, guessed from its first bytes."""

from __future__ import annotations

import codecs
from typing import NamedTuple

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LONGEST = 4  # bytes of a character, which may be cut at the end
_MANY = 0.25  # of the bytes: text that is not written with Latin letters


class Encoding(NamedTuple):
    """An encoding, and what speaks for it.

    Attributes:
        name: as Python's codecs have it.
        reason: why; "" if it is UTF-8 and needs none.
        is_certain: whether no other encoding gives text as well.
    """

    name: str
    reason: str = ""
    is_certain: bool = True


def guess_encoding(data: bytes) -> Encoding:
    """Returns the encoding that some bytes are most likely written in.

    Args:
        data: the start of a file, which may end within a character.
    """
    for mark, name in _MARKS:
        if data.startswith(mark):
            reason = "" if name == "utf-8" else "the file starts with its mark"
            return Encoding(name, reason)
    if utf_16 := _without_mark(data):
        return Encoding(utf_16, "every second byte is zero")
    fault = _fault(data)
    if fault is None:
        return Encoding("utf-8")
    high = [byte for byte in data if byte >= 0x80]
    of_windows = any(byte < 0xA0 for byte in high)
    name = "cp1252" if of_windows and _decodes(data, "cp1252") else "latin-1"
    reason = f"byte 0x{data[fault]:02x} at {fault:,} is no UTF-8"
    if len(high) > _MANY * len(data):
        reason += "; it may be another, such as cp1251, shift_jis or gb18030"
    else:
        reason += "; letters of Western Europe are most likely"
    return Encoding(name, reason, is_certain=False)


def decoded(data: bytes, encoding: str) -> str:
    """Returns bytes as text; what cannot be decoded becomes U+FFFD.

    Args:
        data: the start of a file, which may end within a character.
        encoding: as Python's codecs have it.
    """
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    return decoder.decode(data).removeprefix("\ufeff")


def _without_mark(data: bytes) -> str:
    """Returns which UTF-16 has most of its zero bytes on one side, or nothing."""
    half = len(data) // 2
    if half < 2:
        return ""
    even, odd = data[0 : 2 * half : 2].count(0), data[1 : 2 * half : 2].count(0)
    if odd > half * 0.6 and even < half * 0.1:
        return "utf-16-le"
    if even > half * 0.6 and odd < half * 0.1:
        return "utf-16-be"
    return ""


def _fault(data: bytes) -> int | None:
    """Returns where bytes are no UTF-8, but for a character cut at their end."""
    try:
        data.decode()
    except UnicodeDecodeError as error:
        is_cut = "unexpected end" in error.reason and len(data) - error.start < _LONGEST
        return None if is_cut else error.start
    return None


def _decodes(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True
