"""The masked CRC32C is the one that TensorFlow writes."""

import struct

import tensorflow as tf

from shardline.components.readers.files.checksums import masked, masked_crc32c


def test_checksums_are_those_of_a_record_that_tensorflow_wrote(tmp_path):
    path = str(tmp_path / "one.tfrecord")
    with tf.io.TFRecordWriter(path) as writer:
        writer.write(b"a record")
    content = (tmp_path / "one.tfrecord").read_bytes()
    assert struct.unpack("<I", content[8:12]) == (masked_crc32c(content[:8]),)
    assert struct.unpack("<I", content[-4:]) == (masked_crc32c(b"a record"),)


def test_masked_checksum_stays_within_32_bits():
    assert masked(0xFFFFFFFF) == 0xA282EAD7
    assert masked(0) == 0xA282EAD8
