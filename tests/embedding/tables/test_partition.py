"""Which host holds which rows: whole, contiguous and as even as can be."""

import pytest
import tensorflow as tf

from shardline.embedding.tables import partition


@pytest.mark.parametrize(
    ("rows", "hosts", "sizes"),
    [(10, 1, [10]), (10, 3, [4, 3, 3]), (11, 3, [4, 4, 3]), (2, 5, [1, 1])],
)
def test_rows_are_shared_out_evenly_and_no_host_is_empty(rows, hosts, sizes):
    assert partition.rows_per_host(rows, hosts) == sizes


@pytest.mark.parametrize(("rows", "hosts"), [(0, 1), (1, 0), (-1, 2)])
def test_numbers_below_1_are_refused(rows, hosts):
    with pytest.raises(ValueError, match=f"A table of {rows} rows .* {hosts} hosts"):
        partition.rows_per_host(rows, hosts)


@pytest.mark.parametrize("rows", [1, 7, 12])
@pytest.mark.parametrize("hosts", [1, 2, 5, 13])
def test_ranges_cover_every_row_once(rows, hosts):
    ranges = partition.row_ranges(rows, hosts)
    assert [row for first, end in ranges for row in range(first, end)] == [*range(rows)]
    assert [first for first, _ in ranges] == partition.first_rows(rows, hosts)


@pytest.mark.parametrize(("rows", "hosts"), [(11, 3), (2, 5), (9, 1)])
def test_host_of_a_row_is_the_one_whose_range_has_it(rows, hosts):
    ranges = partition.row_ranges(rows, hosts)
    expected = [
        host for host, (first, end) in enumerate(ranges) for _ in range(first, end)
    ]
    starts = partition.first_rows(rows, hosts)
    found = partition.hosts_of_rows(tf.range(rows, dtype=tf.int64), starts)
    assert found.dtype == tf.int32
    assert found.numpy().tolist() == expected


def test_blocks_are_cut_at_multiples_whatever_the_start():
    whole = list(partition.aligned_blocks(0, 10, 4))
    assert whole == [(0, 4), (4, 8), (8, 10)]
    assert list(partition.aligned_blocks(3, 10, 4)) == [(3, 4), *whole[1:]]
    assert list(partition.aligned_blocks(5, 5, 4)) == []
