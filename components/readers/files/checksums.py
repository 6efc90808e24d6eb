"""The checksum of TensorFlow's file formats: CRC32C, masked.

TFRecord files and the index of a checkpoint store it so that a checksum of data which
hold checksums is no special case. See TensorFlow's core/lib/hash/crc32c.h.
"""

import google_crc32c


def masked_crc32c(content: bytes) -> int:
    """Returns the checksum of bytes as the files store it."""
    return masked(google_crc32c.value(content))


def masked(crc32c: int) -> int:
    """Returns a CRC32C as the files store it."""
    return ((crc32c >> 15 | crc32c << 17) + 0xA282EAD8) & 0xFFFFFFFF
