"""Arrays of bytes: their content as a whole, and blanks cut off."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_BLANKS = (b" ", b"\t", b"\n", b"\r", b"\v", b"\f")


def content_of(values: pa.Array) -> bytes:
    """Returns all bytes of large binary values, one value after the other."""
    _, offsets, data = values.buffers()
    if not len(values) or data is None:
        return b""
    positions = np.frombuffer(offsets, np.int64)
    first, last = positions[[values.offset, values.offset + len(values)]].tolist()
    return bytes(data.slice(first, last - first))


def stripped(values: pa.Array) -> pa.Array:
    """Returns large binary values without the ASCII blanks around them."""
    content = content_of(values)
    if not any(blank in content for blank in _BLANKS):
        return values
    text = values.view(pa.large_string())  # any bytes will do: blanks are ASCII
    return pc.ascii_trim_whitespace(text).view(pa.large_binary())
