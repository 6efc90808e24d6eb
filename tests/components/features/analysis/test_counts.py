"""Counts are the same whatever is counted together, and in whatever order."""

from collections import Counter
from collections.abc import Sequence

import pyarrow as pa
import pytest

from shardline.components.features.analysis import counts as counting
from shardline.components.features.analysis.counts import (
    SHARDS,
    TableCounts,
    TokenCounts,
    from_bytes,
    merged,
    to_bytes,
)
from shardline.configs.schema import Feature, FeatureSet, Ids, Table, Target


def counted(tokens: Sequence[str], at_once: int = 1000) -> pa.Table:
    """Returns the counts of tokens that come so many at a time."""
    counts = TokenCounts()
    for start in range(0, len(tokens), at_once):
        some = [token.encode() for token in tokens[start : start + at_once]]
        counts.add(pa.array(some, pa.large_binary()))
    return counts.drain()


def as_counter(table: pa.Table) -> Counter[bytes]:
    """Returns counts by token; fails if a token stands there twice."""
    tokens = table.column("token").to_pylist()
    assert len(set(tokens)) == len(tokens)
    return Counter(dict(zip(tokens, table.column("count").to_pylist(), strict=True)))


TOKENS = [f"t{n * n % 97}" for n in range(500)] + ["", "é", "a\nb"] * 3
EXPECTED = Counter(token.encode() for token in TOKENS)


@pytest.mark.parametrize("at_once", [1, 7, 1000])
@pytest.mark.parametrize("counted_at_once", [1, 50, 1 << 18])
def test_counts_are_equal_however_tokens_come(
    at_once: int, counted_at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "_COUNTED_AT_ONCE", counted_at_once)

    assert as_counter(counted(TOKENS, at_once)) == EXPECTED


def test_merging_gives_the_same_counts_in_any_order_and_grouping() -> None:
    parts = [counted(TOKENS[start : start + 60]) for start in range(0, 540, 60)]

    in_order = merged(parts)
    reversed_ = merged(parts[::-1])
    grouped = merged([merged(parts[:2]), merged(parts[2:7]), *parts[7:]])

    assert as_counter(in_order) == EXPECTED
    assert as_counter(reversed_) == EXPECTED
    assert as_counter(grouped) == EXPECTED


def test_merging_nothing_gives_no_count() -> None:
    assert merged([]).num_rows == 0
    assert as_counter(merged([merged([]), counted(["a"])])) == {b"a": 1}


def test_draining_starts_anew() -> None:
    counts = TokenCounts()
    counts.add(pa.array([b"a"], pa.large_binary()))
    first = counts.drain()
    counts.add(pa.array([b"b"], pa.large_binary()))

    assert as_counter(first) == {b"a": 1}
    assert as_counter(counts.drain()) == {b"b": 1}
    assert counts.drain().num_rows == 0


def test_whole_numbers_are_counted_as_their_decimals() -> None:
    counts = TokenCounts()
    counts.add(pa.array([-7, 5, 5, 2**62], pa.int64()))

    assert as_counter(counts.drain()) == {b"-7": 1, b"5": 2, b"%d" % 2**62: 1}


def test_counts_above_32_bits_add_exactly() -> None:
    large = pa.table(
        {"token": pa.array([b"a"], pa.large_binary()), "count": pa.array([2**40 + 1])}
    )

    assert as_counter(merged([large, large, large])) == {b"a": 3 * (2**40 + 1)}


def test_counts_come_back_from_bytes() -> None:
    counts = counted(TOKENS)

    assert from_bytes(to_bytes(counts)).equals(counts)


def test_bytes_held_grow_with_distinct_tokens_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(counting, "_COUNTED_AT_ONCE", 100)
    counts = TokenCounts()
    for _ in range(3):
        counts.add(pa.array([b"%d" % n for n in range(100)], pa.large_binary()))
    few = counts.nbytes
    for _ in range(100):
        counts.add(pa.array([b"%d" % n for n in range(100)], pa.large_binary()))

    assert 0 < few
    assert counts.nbytes <= 2 * few


def features() -> FeatureSet:
    """Two features on one table, and one without a vocabulary."""
    return FeatureSet(
        features={
            "a": Feature(table="t"),
            "b": Feature(table="t", combiner="sum"),
            "hashed": Feature(table="h", column="a", ids=Ids(hash_buckets=3)),
        },
        tables={"t": Table(dim=1), "h": Table(dim=1)},
    )


def batch() -> pa.RecordBatch:
    """Three hundred rows of column `a`, a ragged `b` of some of its tokens."""
    a = [[b"%d" % n] for n in range(300)]
    b = [[b"%d" % (n % 5)] * (n % 3) for n in range(300)]
    lists = pa.large_list(pa.large_binary())
    return pa.RecordBatch.from_pydict(
        {"a": pa.array(a, lists), "b": pa.array(b, lists)}
    )


def test_shards_are_disjoint_and_hold_everything() -> None:
    counts = TableCounts(features().preprocessing(Target()))
    counts.add(batch())
    assert counts.tables == ["t"]

    drained = list(counts.drain())
    found = {shard: as_counter(from_bytes(data)) for _, shard, data in drained}

    assert {table for table, _, _ in drained} == {"t"}
    assert len(found) == len(drained) == SHARDS
    tokens = [token for shard in found.values() for token in shard]
    assert len(tokens) == len(set(tokens)) == 300
    # b: tokens n % 5, n % 3 times each.
    assert sum((c.total() for c in found.values()), 0) == 300 + 300
    assert list(counts.drain()) == []


def test_a_token_is_in_the_same_shard_each_time() -> None:
    shards = []
    for rows in (300, 40):
        counts = TableCounts(features().preprocessing(Target()))
        counts.add(batch().slice(0, rows))
        drained = counts.drain()
        shards.append(
            {
                token: s
                for _, s, data in drained
                for token in as_counter(from_bytes(data))
            }
        )

    assert shards[1].items() <= shards[0].items()
