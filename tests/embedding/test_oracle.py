"""The reference itself, against numbers worked out by hand."""

import numpy as np
import pytest

TABLE = np.array([[1.0, 10.0], [2.0, 20.0], [4.0, 40.0]])
ONES = np.ones((2, 2), np.float32)


@pytest.mark.parametrize(
    ("combiner", "weights", "expected"),
    [
        ("sum", None, [[5, 50], [0, 0]]),
        ("mean", None, [[2.5, 25], [0, 0]]),
        ("sqrtn", None, [[5 / 2**0.5, 50 / 2**0.5], [0, 0]]),
        ("sum", [[3.0, 0.5], []], [[5, 50], [0, 0]]),
        ("mean", [[3.0, 0.5], []], [[5 / 3.5, 50 / 3.5], [0, 0]]),
        ("sqrtn", [[3.0, 4.0], []], [[19 / 5, 190 / 5], [0, 0]]),
        ("mean", [[1.0, -1.0], []], [[0, 0], [0, 0]]),
        ("sqrtn", [[0.0, 0.0], []], [[0, 0], [0, 0]]),
    ],
)
def test_pooled_lookup_gives_hand_computed_rows(oracle, combiner, weights, expected):
    lookup = oracle.Lookup([[0, 2], []], combiner, weights)
    np.testing.assert_allclose(lookup.activations(TABLE), expected, rtol=1e-12)


def test_sequence_lookup_pads_and_truncates(oracle):
    lookup = oracle.Lookup([[2, 1, 0], [1]], max_sequence_length=2)
    expected = [[[4, 40], [2, 20]], [[2, 20], [0, 0]]]
    np.testing.assert_array_equal(lookup.activations(TABLE), expected)


def test_row_gradient_sums_every_occurrence_and_skips_cut_ids(oracle):
    sums = oracle.row_gradients(
        [
            (oracle.Lookup([[1, 1], [0]], "mean"), ONES),
            (oracle.Lookup([[1, 2], []], max_sequence_length=1), ONES[:, None]),
        ],
        TABLE.shape,
    )
    assert sorted(sums) == [0, 1]
    np.testing.assert_array_equal(sums[0], [1, 1])
    np.testing.assert_array_equal(sums[1], [2, 2])


def test_missing_gradient_is_zero_and_touches_the_rows(oracle):
    sums = oracle.row_gradients([(oracle.Lookup([[1]]), None)], TABLE.shape)
    np.testing.assert_array_equal(sums[1], [0, 0])


def test_sgd_step_gives_hand_computed_row(oracle):
    table = oracle.Table(TABLE, oracle.SGD(0.5))
    table.step([(oracle.Lookup([[1], [1]], "sum"), ONES)])
    np.testing.assert_array_equal(table.values, [[1, 10], [1, 19], [4, 40]])


def test_adagrad_step_gives_hand_computed_row(oracle):
    table = oracle.Table(TABLE, oracle.Adagrad(0.5, initial_accumulator_value=5.0))
    table.step([(oracle.Lookup([[1], [1]], "sum"), ONES)])
    np.testing.assert_allclose(table.values[1], [2 - 0.5 * 2 / 3, 20 - 0.5 * 2 / 3])
    np.testing.assert_array_equal(table.slots["accumulators"], [[5, 5], [9, 9], [5, 5]])


@pytest.mark.parametrize(("inside", "root"), [(True, 5.0), (False, 7.0)])
def test_adam_step_gives_hand_computed_row(oracle, inside, root):
    # g = 8, v = 16; sqrt(16 + 3^2) = 5 and sqrt(16) + 3 = 7.
    optimizer = oracle.Adam(0.5, 0.5, 0.75, epsilon=3.0, sum_inside_sqrt=inside)
    table = oracle.Table(TABLE, optimizer)
    table.step([(oracle.Lookup([[1], [1]], "sum"), 4 * ONES)])
    np.testing.assert_allclose(table.slots["momenta"][1], [4, 4])
    np.testing.assert_allclose(table.slots["velocities"][1], [16, 16])
    np.testing.assert_allclose(table.values[1], [2 - 2 / root, 20 - 2 / root])
