"""The native op's checksums, of any size and wherever the bytes lie."""

import google_crc32c
import numpy as np
import pytest

STREAMS = 3 * 2048  # bytes that are taken side by side


@pytest.mark.parametrize(
    "size",
    [0, 1, 7, 8, 9, 2048, *(STREAMS + n for n in (-1, 0, 1, 13)), 5 * STREAMS + 3],
)
@pytest.mark.parametrize("start", [0, 1, 5])
def test_it_is_what_another_implementation_says(ops, size, start):
    content = np.random.default_rng(size).integers(0, 256, start + size, np.uint8)
    wanted = google_crc32c.value(content[start:].tobytes())
    assert int(ops.shardline_crc32c(content[start:])) == wanted
