"""A table's vocabulary: its tokens, the most frequent first, one a line.

Ties are in falling order of the tokens' bytes. Empty tokens and tokens with a line
break stay out, for a text file cannot name them. Both as in TensorFlow Transform.
"""

from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc
import tensorflow as tf

from shardline.components.features.analysis.counts import from_bytes, merged
from shardline.components.features.analysis.statistics import VocabularyStatistics
from shardline.configs.schema import Vocabulary

# The line of a vocabulary without tokens; a lookup table cannot be made of no line.
# TensorFlow Transform writes the same one.
_NO_TOKEN = b"49d0cd50-04bb-48c0-bc6f-5b575dce351a"
_LINES_AT_ONCE = 1 << 20


def write_vocabulary(
    path: str, shards: Mapping[int, Sequence[str]], rules: Vocabulary
) -> VocabularyStatistics:
    """Puts tokens in order and writes those that the rules let in.

    Args:
        path: the path of the file to write.
        shards: files of counts by shard; a token is in files of one shard only.
        rules: `min_count` and `max_tokens`.
    """
    kept, distinct, tokens, unusable = [], 0, 0, 0
    for files in shards.values():
        counts = merged([read_counts(file) for file in files])
        distinct += counts.num_rows
        tokens += pc.sum(counts.column("count")).as_py() or 0
        usable = counts.filter(is_usable(counts.column("token")))
        unusable += counts.num_rows - usable.num_rows
        kept.append(usable.filter(pc.field("count") >= rules.min_count))
    counts = pa.concat_tables([merged([]), *kept]).combine_chunks()
    kept.clear()
    order = pc.sort_indices(
        counts, sort_keys=[("count", "descending"), ("token", "descending")]
    )[: rules.max_tokens]
    _write_lines(path, counts.column("token").combine_chunks(), order)
    return VocabularyStatistics(
        size=max(1, len(order)),
        distinct=distinct,
        tokens=tokens,
        covered=pc.sum(counts.column("count").take(order)).as_py() or 0,
        unusable=unusable,
    )


def read_counts(file: str) -> pa.Table:
    """Returns the counts that a file holds."""
    with tf.io.gfile.GFile(file, "rb") as source:
        return from_bytes(source.read())


def is_usable(tokens: pa.ChunkedArray) -> pa.ChunkedArray:
    """Finds the tokens that a line of a text file can name: large_binary [n]."""
    is_broken = pc.or_(
        pc.match_substring(tokens, "\n"), pc.match_substring(tokens, "\r")
    )
    return pc.and_not(pc.greater(pc.binary_length(tokens), 0), is_broken)


def _write_lines(path: str, tokens: pa.Array, order: pa.Array) -> None:
    """Writes tokens in their order, some at a time, for there may be many millions."""
    if not len(order):
        tokens, order = pa.array([_NO_TOKEN], pa.large_binary()), pa.array([0])
    with tf.io.gfile.GFile(path, "wb") as file:
        for start in range(0, len(order), _LINES_AT_ONCE):
            some = tokens.take(order.slice(start, _LINES_AT_ONCE)).cast(pa.binary())
            whole = pa.ListArray.from_arrays([0, len(some)], some)
            file.write(pc.binary_join(whole, b"\n")[0].as_py() + b"\n")
