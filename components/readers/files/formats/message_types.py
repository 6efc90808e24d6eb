"""Which message a record is, by the fields of its wire format.

A tf.Example has field 1 alone, and a tf.SequenceExample has the same there, its
context; so one parses as the other, and what it has in field 2 would be lost.
"""

from __future__ import annotations

from tfx_bsl.coders.sequence_example_coder import SequenceExamplesToRecordBatchDecoder

# Tags of fields 1 and 2 with a length.
_OF_EXAMPLE = b"\x0a"
_OF_SEQUENCE = b"\x0a\x12"
_SEVEN_BITS = 7
_MORE = 0x80
_LISTS = "feature lists"
# What to do about tf.SequenceExamples.
AS_EXAMPLES = (
    "Write tf.train.Example, with a feature for each feature list, and one for each "
    "feature of the context."
)


def is_example(record: bytes) -> bool:
    """Tells whether a record has the fields of a tf.Example and no others.

    What is inside of them is not looked at.

    Args:
        record: a serialized message.
    """
    return _has_only(record, _OF_EXAMPLE)


def feature_lists(record: bytes) -> list[str] | None:
    """Returns the names of the feature lists of a tf.SequenceExample.

    Args:
        record: a serialized message with other fields than a tf.Example.

    Returns:
        The names, sorted; None if it is no tf.SequenceExample.
    """
    if not _has_only(record, _OF_SEQUENCE):
        return None
    try:
        batch = SequenceExamplesToRecordBatchDecoder(_LISTS).DecodeBatch([record])
    except RuntimeError:
        return None
    if _LISTS not in batch.schema.names:
        return None
    return sorted(field.name for field in batch.schema.field(_LISTS).type)


def _has_only(record: bytes, tags: bytes) -> bool:
    """Tells whether a record is made of whole fields with these tags."""
    at, end = 0, len(record)
    try:
        while at < end:
            if record[at] not in tags:
                return False
            at += 1
            length = shift = 0
            while (byte := record[at]) & _MORE:
                length |= (byte ^ _MORE) << shift
                shift += _SEVEN_BITS
                at += 1
            at += 1 + (length | byte << shift)
    except IndexError:
        return False
    return at == end
