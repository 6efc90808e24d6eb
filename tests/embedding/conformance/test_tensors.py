"""Batches become tensors that hold the same ids and weights."""

import numpy as np
import pytest
import tensorflow as tf

from shardline.embedding.conformance import tensors
from shardline.embedding.conformance.golden import read_groups

CASES = {
    f"{group.name}-{case.name}": case for group in read_groups() for case in group.cases
}


def rows_of(value, examples):
    """Returns what each example holds."""
    if isinstance(value, tf.RaggedTensor):
        return value.to_list()
    if not isinstance(value, tf.SparseTensor):
        return [[one] for one in tf.reshape(value, [-1]).numpy().tolist()]
    rows = [[] for _ in range(examples)]
    leading = value.shape[:-1].as_list()
    for at, one in zip(value.indices.numpy(), value.values.numpy(), strict=True):
        rows[int(np.ravel_multi_index(at[:-1], leading))].append(one)
    return rows


@pytest.mark.parametrize("name", CASES)
def test_tensors_hold_the_ids_and_weights_of_the_batch(name):
    case = CASES[name]
    for step in case.steps:
        for batch in step.batches.values():
            ids = tensors.ids_of(case, batch)
            assert ids.dtype.name == case.id_type
            expected = [[one for one in row if one is not None] for row in batch.ids]
            assert rows_of(ids, case.examples) == expected
            weights = tensors.weights_of(case, batch)
            if batch.weights is None:
                assert weights is None
            else:
                found = [len(row) for row in rows_of(weights, case.examples)]
                assert found == [len(row) for row in batch.weights]
            gradient = tensors.gradient_of(case, batch)
            assert gradient.shape[-1] == case.start.shape[1]
            np.testing.assert_array_equal(
                tf.reshape(gradient, batch.gradient.shape), batch.gradient
            )


def test_gaps_leave_columns_empty():
    case = CASES["sequences-gaps-sgd"]
    ids = tensors.ids_of(case, case.steps[0].batches["left"])
    assert 1 not in ids.indices.numpy()[:, 1]


def test_specs_leave_open_how_many_ids_there_are():
    found = {}
    for kind in ("dense", "dense-rank3", "sparse-mean", "sparse-rank3", "ragged-mean"):
        case = CASES[f"inputs-{kind}"]
        spec = tensors.spec_of(tensors.ids_of(case, case.steps[0].batches["left"]))
        found[kind] = spec.shape.as_list()
    assert found == {
        "dense": [4],
        "dense-rank3": [2, 2, 1],
        "sparse-mean": [4, None],
        "sparse-rank3": [2, 2, None],
        "ragged-mean": [4, None],
    }
    assert tensors.spec_of(None) is None
