"""Counts of tokens by table, in memory that the number of distinct tokens decides.

Tokens are counted a quarter of a million at a time by Arrow's hash kernels. Counts go
out in shards, each token in the shard of its hash, so that no later step holds a whole
large table but the one that puts the tokens in order.
"""

from collections import Counter
from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import tensorflow as tf

from shardline.components.features.ids.arrow_tokens import counted_tokens, text
from shardline.configs.schema import Preprocessing

SHARDS = 16
_COUNTED_AT_ONCE = 1 << 18
_LZ4 = pa.ipc.IpcWriteOptions(compression="lz4")
_SCHEMA = pa.schema([("token", pa.large_binary()), ("count", pa.int64())])


class TokenCounts:
    """Counts the tokens of one table.

    Attributes:
        added: how many were given to count, ever.
    """

    def __init__(self) -> None:
        """Starts with no token."""
        self._waiting: list[pa.Array] = []
        self._waiting_tokens = self._waiting_bytes = 0
        self._counted: list[pa.Table] = []
        self.added = 0

    def add(self, tokens: pa.Array) -> None:
        """Counts tokens: large_binary or int64 [n]."""
        self.added += len(tokens)
        self._waiting.append(tokens)
        self._waiting_tokens += len(tokens)
        self._waiting_bytes += tokens.nbytes
        if self._waiting_tokens >= _COUNTED_AT_ONCE:
            self._count_waiting()

    @property
    def nbytes(self) -> int:
        """Returns about how much memory the counts take, in bytes."""
        counted_bytes = sum(int(table.nbytes) for table in self._counted)
        return self._waiting_bytes + counted_bytes

    def drain(self) -> pa.Table:
        """Returns distinct tokens with their counts, and starts anew."""
        self._count_waiting()
        total = merged(self._counted)
        self._counted = []
        return total

    def _count_waiting(self) -> None:
        if not self._waiting:
            return
        counts = pc.value_counts(pa.concat_arrays(self._waiting))
        self._waiting, self._waiting_tokens, self._waiting_bytes = [], 0, 0
        tokens = text(counts.field("values"))
        self._counted.append(
            pa.Table.from_arrays([tokens, counts.field("counts")], schema=_SCHEMA)
        )
        # Merging doubles what lies merged, so that a token is merged a few times only.
        while len(self._counted) > 1 and (
            self._counted[-2].num_rows < 2 * self._counted[-1].num_rows
        ):
            last, before = self._counted.pop(), self._counted.pop()
            self._counted.append(merged([before, last]))


class TableCounts:
    """Counts the tokens of all tables that have vocabularies."""

    def __init__(self, preprocessing: Preprocessing) -> None:
        """Starts with no token.

        Args:
            preprocessing: the features, numbers and tables to preprocess.
        """
        self._features = {
            name: feature
            for name, feature in preprocessing.features.items()
            if feature.ids.kind == "vocabulary"
        }
        self._tables = {f.table: TokenCounts() for f in self._features.values()}

    @property
    def tables(self) -> list[str]:
        """The tables whose tokens are counted."""
        return list(self._tables)

    @property
    def added(self) -> Counter[str]:
        """How many tokens of each table were given to count, ever."""
        return Counter({name: table.added for name, table in self._tables.items()})

    def add(self, batch: pa.RecordBatch) -> None:
        """Counts the tokens of a batch of raw columns."""
        for name, feature in self._features.items():
            self._tables[feature.table].add(counted_tokens(name, feature, batch))

    @property
    def nbytes(self) -> int:
        """Returns about how much memory the counts take, in bytes."""
        return sum(table.nbytes for table in self._tables.values())

    def drain(self) -> Iterator[tuple[str, int, bytes]]:
        """Yields (table, shard, counts), and starts anew."""
        for name, table in self._tables.items():
            for shard, counts in enumerate(_sharded(table.drain())):
                if counts.num_rows:
                    yield name, shard, to_bytes(counts)


def merged(tables: Iterable[pa.Table]) -> pa.Table:
    """Returns counts of distinct tokens, added up."""
    tables = list(tables)
    if not tables:
        return _SCHEMA.empty_table()
    if len(tables) == 1:
        return tables[0]
    both = pa.concat_tables(tables).combine_chunks()
    tokens = both.column("token").combine_chunks().dictionary_encode()
    # Faster than Arrow's own grouping; float64 adds counts below 2**53 exactly.
    sums = np.bincount(tokens.indices, weights=both.column("count"))
    counts = pa.array(sums.astype(np.int64))
    return pa.Table.from_arrays([tokens.dictionary, counts], schema=_SCHEMA)


def to_bytes(counts: pa.Table) -> bytes:
    """Returns counts in Arrow's streaming format."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, _SCHEMA, options=_LZ4) as writer:
        writer.write_table(counts)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def from_bytes(data: bytes) -> pa.Table:
    """Returns the counts that `to_bytes` wrote."""
    return pa.ipc.open_stream(data).read_all()


def _sharded(counts: pa.Table) -> list[pa.Table]:
    """Splits counts by a hash of the token."""
    if not counts.num_rows:
        return []
    tokens = counts.column("token").to_numpy()
    shards = tf.strings.to_hash_bucket_fast(tokens, SHARDS).numpy()
    order = np.argsort(shards, kind="stable")
    ends = np.searchsorted(shards[order], np.arange(SHARDS), side="right")
    sorted_counts = counts.take(pa.array(order))
    starts = [0, *ends[:-1]]
    return [sorted_counts.slice(a, b - a) for a, b in zip(starts, ends, strict=True)]
