"""The file format of a checkpoint's index, by itself."""

import pytest

from shardline.components.readers.files.checksums import masked_crc32c
from shardline.embedding.checkpoint.sorted_table import table_content, table_entries


@pytest.mark.parametrize("count", [1, 2, 300])
def test_what_is_written_is_read(count):
    entries = {b"key/%d" % n: bytes([n % 256]) * n for n in range(count)}
    assert table_entries(table_content(entries, masked_crc32c), "t") == entries


def test_keys_may_be_empty_and_values_long():
    entries = {b"": b"header", b"a" * 200: b"v" * 70_000}
    content = table_content(entries, masked_crc32c)
    assert table_entries(content, "t") == entries


def test_every_block_has_its_checksum():
    blocks = []

    def checksum(block):
        blocks.append(block)
        return masked_crc32c(block)

    content = table_content({b"k": b"v"}, checksum)
    # The entries, the empty block of metadata, and where the entries lie.
    assert len(blocks) == 3
    for block in blocks:
        assert block + masked_crc32c(block).to_bytes(4, "little") in content


def test_what_does_not_end_as_a_table_is_refused():
    with pytest.raises(ValueError, match=r"step\.index is not the index of a Tenso"):
        table_entries(b"something else" * 9, "step.index")
