"""A core's batch as the lists that the enqueue op takes."""

import numpy as np
import pytest
import tensorflow as tf

from shardline.embedding.config.specs import flatten_features
from shardline.embedding.tpu import enqueue_inputs

RAGGED = tf.ragged.constant([[1, 2], [3]], dtype=tf.int64)


def test_kinds_stand_side_by_side(cases):
    table = cases.table()
    features = flatten_features([cases.feature(table, n) for n in (0, 0, 0, 2)])
    sparse = RAGGED.to_sparse()
    weights = RAGGED.with_values(tf.constant([1.0, 2.0, 3.0], tf.float64))
    inputs = [tf.constant([[7], [8]]), RAGGED, sparse, sparse]
    lists = enqueue_inputs.op_inputs(features, inputs, [None, weights, None, None])
    assert [rows.shape.as_list() for rows in lists[0]] == [[0], [3], [3, 2], [3, 3]]
    assert lists[0][3].numpy()[:, 2].tolist() == [0, 0, 0]
    assert [ids.numpy().tolist() for ids in lists.ids] == [[7, 8], *[[1, 2, 3]] * 3]
    assert [w.numpy().tolist() for w in lists.weights] == [[], [1, 2, 3], [], []]
    for tensors, dtype in zip(lists, (tf.int32, tf.int64, tf.float32), strict=True):
        assert {tensor.dtype for tensor in tensors} == {dtype}


def test_cores_share_the_examples_of_a_replica():
    dense = tf.range(6)
    assert enqueue_inputs.part_of(dense, 1, 3).numpy().tolist() == [2, 3]
    part = enqueue_inputs.part_of(RAGGED.to_sparse(), 1, 2)
    np.testing.assert_array_equal(tf.sparse.to_dense(part), [[3, 0]])
    assert enqueue_inputs.part_of(None, 0, 2) is None


def test_ragged_ids_are_not_shared():
    enqueue_inputs.check_parts([RAGGED.to_sparse()])
    with pytest.raises(ValueError, match="SPMD does not support raggedTensor"):
        enqueue_inputs.check_parts([RAGGED])


@pytest.mark.parametrize(("training", "mode"), [(True, "train"), (False, "inference")])
def test_mode_of_bools_and_tensors(training, mode):
    assert enqueue_inputs.mode_of(training) == mode
    assert enqueue_inputs.mode_of(tf.constant(training)) == mode.encode()
