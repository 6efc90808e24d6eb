"""The checksum of TensorFlow's files in numpy, beside another implementation."""

import google_crc32c
import numpy as np
import pytest

from shardline.embedding.checkpoint.crc32c import (
    crc32c,
    crc32c_by_numpy,
    masked_crc32c,
)


@pytest.mark.parametrize(
    "size", [0, 1, 3, 4, 7, 1023, 1024, 2047, 2048, 2049, 4099, 65536, 100_003, 8 << 20]
)
def test_it_is_what_another_implementation_says(size):
    content = np.random.default_rng(size).bytes(size)
    wanted = google_crc32c.value(content)
    assert crc32c(content) == wanted
    assert crc32c_by_numpy(np.frombuffer(content, np.uint8)) == wanted


def test_the_check_value_of_the_standard():
    assert crc32c(b"123456789") == 0xE3069283


def test_views_are_taken():
    content = np.random.default_rng(0).bytes(5000)
    assert crc32c(memoryview(content)) == crc32c(bytearray(content)) == crc32c(content)


@pytest.mark.parametrize("content", [b"", b"a", bytes(3000)])
def test_the_mask(content):
    crc = google_crc32c.value(content)
    rotated = (crc >> 15 | crc << 17) & 0xFFFFFFFF
    assert masked_crc32c(content) == (rotated + 0xA282EAD8) & 0xFFFFFFFF


def test_a_changed_bit_changes_it():
    content = bytearray(np.random.default_rng(1).bytes(20_000))
    whole = crc32c(content)
    for position in range(0, len(content), 997):
        content[position] ^= 1 << position % 8
        assert crc32c(content) != whole
        content[position] ^= 1 << position % 8
