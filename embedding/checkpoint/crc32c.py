"""CRC32C, masked as TensorFlow's file formats store it.

TensorFlow exports no checksum: the native kernels have one, and where they are not
there, numpy. It cuts the content into lanes of one length, whose checksums advance side
by side, four bytes a step, and are joined in the end: a checksum is linear, so that of
two lanes follows from those of each. See TensorFlow's core/lib/hash/crc32c.h for the
mask.
"""

import functools

import numpy as np
import tensorflow as tf

from shardline.embedding.native.library import usable_ops

_POLYNOMIAL = 0x82F63B78
_ONES = 0xFFFFFFFF
_WORD_BYTES = 4
_LANE_BYTES = 1024
# From here on a native op takes less time than the call of it.
_NATIVE_FROM_BYTES = 16 * 2**10

Bytes = bytes | bytearray | memoryview


def masked_crc32c(content: Bytes) -> int:
    """Returns the CRC32C of bytes, masked.

    Args:
        content: any bytes.
    """
    return masked(crc32c(content))


def masked(crc: int) -> int:
    """Returns a CRC32C, masked."""
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & _ONES


def crc32c(content: Bytes) -> int:
    """Returns the CRC32C of bytes (RFC 3720, B.4)."""
    values = np.frombuffer(content, np.uint8)
    if values.size >= _NATIVE_FROM_BYTES and (ops := usable_ops()):
        with tf.device("/CPU:0"):
            return int(ops.shardline_crc32c(values))
    return crc32c_by_numpy(values)


def crc32c_by_numpy(values: np.ndarray) -> int:
    """Returns the CRC32C of uint8 [n]; some hundred MB a second."""
    lanes = _power_of_two_below(values.size // _LANE_BYTES)
    crc = _ONES
    if lanes > 1:
        lane_bytes = values.size // lanes // _WORD_BYTES * _WORD_BYTES
        head, values = values[: lanes * lane_bytes], values[lanes * lane_bytes :]
        crc = _of_lanes(head.reshape(lanes, lane_bytes).view("<u4"), crc)
    table = _byte_table()
    for byte in values.tolist():
        crc = int(table[(crc ^ byte) & 0xFF]) ^ crc >> 8
    return crc ^ _ONES


def _of_lanes(words: np.ndarray, crc: int) -> int:
    """Returns the state after all lanes: uint32 [lanes, words], lanes a power of 2."""
    low, high = _word_tables()
    states = np.zeros(len(words), np.uint32)
    states[0] = crc
    for column in np.ascontiguousarray(words.T):
        states ^= column
        states = low[states & 0xFFFF] ^ high[states >> 16]
    distance = words.shape[1] * _WORD_BYTES
    while len(states) > 1:
        states = _shifted(states[0::2], distance) ^ states[1::2]
        distance *= 2
    return int(states[0])


@functools.cache
def _byte_table() -> np.ndarray:
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, table >> 1 ^ _POLYNOMIAL, table >> 1)
    return table.astype(np.uint32)


@functools.cache
def _word_tables() -> tuple[np.ndarray, np.ndarray]:
    """Returns what each half of a state becomes by four zero bytes: uint32 [65536]."""
    halves = np.arange(1 << 16, dtype=np.uint32)
    return _by_zero_bytes(halves, 4), _by_zero_bytes(halves << 16, 4)


def _by_zero_bytes(states: np.ndarray, count: int) -> np.ndarray:
    table = _byte_table()
    for _ in range(count):
        states = table[states & 0xFF] ^ states >> 8
    return states


def _shifted(states: np.ndarray, zero_bytes: int) -> np.ndarray:
    """Returns what states become by zero bytes, by one linear map of their bits."""
    shifted = np.zeros_like(states)
    for bit, image in enumerate(_bit_images(zero_bytes)):
        shifted ^= np.where(states >> np.uint32(bit) & 1, image, np.uint32(0))
    return shifted


@functools.lru_cache(maxsize=256)
def _bit_images(zero_bytes: int) -> np.ndarray:
    """Returns what each bit of a state becomes by zero bytes: uint32 [32]."""
    bits = np.uint32(1) << np.arange(32, dtype=np.uint32)
    if zero_bytes <= 1:
        return _by_zero_bytes(bits, zero_bytes)
    half = _shifted(_bit_images(zero_bytes // 2), zero_bytes // 2)
    return _by_zero_bytes(half, zero_bytes % 2)


def _power_of_two_below(number: int) -> int:
    return 1 << max(number.bit_length() - 1, 0)
