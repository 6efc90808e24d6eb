"""Which rows are touched: those that an update changes, and no others."""

import numpy as np
import pytest
import tensorflow as tf

TABLES = [(20_000, 3, "adagrad"), (1, 5, "sgd"), (130, 17, "adam")]


def test_new_table_is_touched_whole(ops, shards):
    assert shards.Host(ops, TABLES).counts() == [20_000, 1, 130]


@pytest.mark.parametrize("options", [{}, {"sum_first": False}], ids=["sum", "in turn"])
def test_touched_rows_are_those_of_the_updates(ops, shards, options):
    host = shards.Host(ops, TABLES, **options)
    host.set_touched(False)
    assert host.counts() == [0, 0, 0]
    # Over several tasks of an update, with runs of a row that end in another task.
    for occurrences in (1, 7, 30_000):
        host.step(occurrences)
        assert host.counts() == list(map(len, host.touched))


def test_gradient_accumulation_that_touches_all_rows(ops, shards):
    host = shards.Host(ops, TABLES, touch_all_rows=True)
    host.set_touched(False)
    host.step(3)
    assert host.counts() == [20_000, 1, 130]


@pytest.mark.parametrize("sum_first", [True, False])
def test_rows_that_are_left_out_are_not_touched(ops, shards, sum_first):
    host = shards.Host(ops, TABLES, sum_first=sum_first, skip_not_finite=True)
    host.set_touched(False)
    before = [own[0].numpy() for own in host.variables]
    host.step(500, spoil=True)
    changed = [
        int((own[0].numpy() != old).any(axis=1).sum())
        for own, old in zip(host.variables, before, strict=True)
    ]
    assert host.counts() == changed == list(map(len, host.touched))


def test_cut_begins_anew_and_one_that_failed_does_not(ops, shards, tmp_path):
    host = shards.Host(ops, TABLES)
    host.cut(False, tmp_path)
    assert host.counts() == [0, 0, 0]
    host.end(True)
    host.step(50)
    _, of_cut = host.cut(True, tmp_path)
    host.step(50)
    since = [set(rows) for rows in host.touched]
    host.end(False)
    host.touched = [a | b for a, b in zip(of_cut, since, strict=True)]
    assert host.counts() == list(map(len, host.touched))
    state, touched = host.cut(True, tmp_path)
    pieces = host.write(tmp_path / "shard")
    host.check((tmp_path / "shard").read_bytes(), pieces, state, touched)
    host.end(True)


def test_second_cut_is_refused_and_the_first_goes_on(ops, shards, tmp_path):
    host = shards.Host(ops, TABLES)
    state, _ = host.cut(False, tmp_path)
    with pytest.raises(tf.errors.FailedPreconditionError, match="not ended yet"):
        host.cut(False, tmp_path)
    pieces = host.write(tmp_path / "shard")
    host.check((tmp_path / "shard").read_bytes(), pieces, state, None)


def test_tracker_of_a_name_is_one(ops, shards):
    host = shards.Host(ops, TABLES[:1])
    make = {"shared_name": "shared", "dim": 3, "slots": 1}
    first = ops.shardline_row_tracker(rows=20_000, **make)
    host.trackers = [ops.shardline_row_tracker(rows=20_000, **make)]
    host.set_touched(False)
    host.trackers = [first]
    assert host.counts() == [0]
    with pytest.raises(tf.errors.InvalidArgumentError, match="row tracker is of"):
        ops.shardline_row_tracker(rows=20_001, **make)


def test_tracker_of_another_table_is_refused(ops, shards):
    host, other = shards.Host(ops, TABLES), shards.Host(ops, TABLES[::-1])
    host.trackers = other.trackers
    before = host.variables[0][0].numpy()
    with pytest.raises(tf.errors.InvalidArgumentError, match="row tracker is of"):
        host.step(5)
    host.trackers = host.trackers[:1]
    with pytest.raises(tf.errors.InvalidArgumentError, match="or none does"):
        host.step(5)
    np.testing.assert_array_equal(host.variables[0][0].numpy(), before)


def test_update_without_trackers_goes_on(ops, shards):
    host = shards.Host(ops, TABLES)
    host.set_touched(False)
    trackers, host.trackers = host.trackers, []
    host.step(5)
    host.trackers = trackers
    assert host.counts() == [0, 0, 0]
