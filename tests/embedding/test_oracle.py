"""The reference itself, against numbers worked out by hand."""

import numpy as np
import pytest

TABLE = np.array([[1.0, 10.0], [2.0, 20.0], [4.0, 40.0]])
ONES = np.ones((2, 2), np.float32)
NAN = float("nan")
INF = float("inf")
HALF_MOMENTUM = {"exponent": 1, "momentum": 0.5}
DECAY = {"weight_decay_factor": 0.25}
BY_RATE = {"multiply_weight_decay_factor_by_learning_rate": True}


def step_once(oracle, optimizer, gradient=1.0, ids=((1,), (1,)), steps=1, **options):
    """Looks row 1 up twice; returns the table after `steps` such steps."""
    table = oracle.Table(TABLE, optimizer, **options)
    for _ in range(steps):
        table.step([(oracle.Lookup(ids, "sum"), gradient * ONES)])
    return table


@pytest.mark.parametrize(
    ("combiner", "weights", "expected"),
    [
        ("sum", None, [[5, 50], [0, 0]]),
        ("mean", None, [[2.5, 25], [0, 0]]),
        ("sqrtn", None, [[5 / 2**0.5, 50 / 2**0.5], [0, 0]]),
        ("sum", [[3.0, 0.5], []], [[5, 50], [0, 0]]),
        ("mean", [[3.0, 0.5], []], [[5 / 3.5, 50 / 3.5], [0, 0]]),
        ("sqrtn", [[3.0, 4.0], []], [[19 / 5, 190 / 5], [0, 0]]),
        ("sum", [[1.0, -1.0], []], [[-3, -30], [0, 0]]),
        ("sum", [[0.0, 0.0], []], [[0, 0], [0, 0]]),
        ("mean", [[0.0, 0.0], []], [[0, 0], [0, 0]]),
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


def test_sequence_lookup_keeps_the_empty_columns_of_a_sparse_row(oracle):
    lookup = oracle.Lookup([[None, 1], [None, None, 2]], max_sequence_length=2)
    expected = [[[0, 0], [2, 20]], [[0, 0], [0, 0]]]
    np.testing.assert_array_equal(lookup.activations(TABLE), expected)


def test_output_shape_of_as_many_places_folds_the_pooled_examples(oracle):
    ids = [[0], [1], [2], [0, 0], [], [1, 2]]
    lookup = oracle.Lookup(ids, "sum", max_sequence_length=9, output_shape=(2, 3))
    expected = [[[1, 10], [2, 20], [4, 40]], [[2, 20], [0, 0], [6, 60]]]
    np.testing.assert_array_equal(lookup.activations(TABLE), expected)


def test_output_shape_of_more_places_makes_sequences_without_weights(oracle):
    weights = [[5.0, 5.0, 5.0], [5.0]]
    lookup = oracle.Lookup([[2, 1, 0], [1]], "mean", weights, output_shape=(2, 2))
    expected = [[[4, 40], [2, 20]], [[2, 20], [0, 0]]]
    np.testing.assert_array_equal(lookup.activations(TABLE), expected)
    flat = oracle.Lookup([[2, 1, 0], [1]], output_shape=(4,)).activations(TABLE)
    np.testing.assert_array_equal(flat, np.reshape(expected, (4, 2)))


@pytest.mark.parametrize("places", [(3,), (1,), (5, 1)])
def test_output_shape_that_examples_do_not_divide_is_refused(oracle, places):
    lookup = oracle.Lookup([[1], [2]], output_shape=places)
    with pytest.raises(oracle.Refused, match="do not divide"):
        lookup.activations(TABLE)


def test_gradient_of_an_output_shape_reaches_the_places_of_its_rows(oracle):
    gradient = np.arange(8.0).reshape(2, 2, 2)
    pooled = oracle.Lookup([[0], [1], [], [1]], "sum", output_shape=(2, 2))
    sums = oracle.row_gradients([(pooled, gradient)], TABLE.shape)
    np.testing.assert_array_equal(sums[0], [0, 1])
    np.testing.assert_array_equal(sums[1], [2 + 6, 3 + 7])
    sequence = oracle.Lookup([[0, 1], [2]], output_shape=(2, 2))
    sums = oracle.row_gradients([(sequence, gradient)], TABLE.shape)
    np.testing.assert_array_equal(sums[1], [2, 3])
    np.testing.assert_array_equal(sums[2], [4, 5])


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


def test_zero_weight_touches_its_row(oracle):
    lookup = oracle.Lookup([[1], [2]], "mean", [[0.0], [1.0]])
    sums = oracle.row_gradients([(lookup, ONES)], TABLE.shape)
    np.testing.assert_array_equal(sums[1], [0, 0])
    np.testing.assert_array_equal(sums[2], [1, 1])


def test_sgd_step_gives_hand_computed_row(oracle):
    table = step_once(oracle, oracle.SGD(0.5))
    np.testing.assert_array_equal(table.values, [[1, 10], [1, 19], [4, 40]])


def test_adagrad_step_gives_hand_computed_row(oracle):
    table = step_once(oracle, oracle.Adagrad(0.5, initial_accumulator_value=5.0))
    np.testing.assert_allclose(table.values[1], [2 - 0.5 * 2 / 3, 20 - 0.5 * 2 / 3])
    np.testing.assert_array_equal(table.slots["accumulators"], [[5, 5], [9, 9], [5, 5]])


@pytest.mark.parametrize(
    ("options", "steps", "drop", "accumulator", "momentum"),
    [
        # g = 2. s = 2 / (4 + 5)^(1/2).
        ({"epsilon": 5.0}, 1, 2 / 3, 4, 2 / 3),
        # s = 2 / (4 + 4)^(1/3).
        ({"epsilon": 4.0, "exponent": 3.0}, 1, 1, 4, 1),
        # a = 0.5 * 0 + 0.5 * 4; s = 2 / (2 + 2)^(1/2); then a = 0.5 * 2 + 0.5 * 4.
        ({"epsilon": 2.0, "beta2": 0.5}, 1, 1, 2, 1),
        ({"epsilon": 1.0, "beta2": 0.5, "exponent": 1}, 2, 2 / 3 + 1 / 2, 3, 1 / 2),
        # s = 2 / (4 + 4), then 2 / (8 + 4); m = 1/4, then 1/8 + 1/6.
        ({"epsilon": 4.0, **HALF_MOMENTUM}, 2, 1 / 4 + 7 / 24, 8, 7 / 24),
        # With Nesterov u = 1/8 + 1/4, then 7/48 + 1/6.
        (
            {"epsilon": 4.0, **HALF_MOMENTUM, "use_nesterov": True},
            *(2, 3 / 8 + 5 / 16, 8, 7 / 24),
        ),
    ],
)
def test_adagrad_momentum_steps_give_hand_computed_row(
    oracle, options, steps, drop, accumulator, momentum
):
    table = step_once(oracle, oracle.AdagradMomentum(0.5, **options), steps=steps)
    np.testing.assert_allclose(table.values[1], [2 - drop / 2, 20 - drop / 2])
    np.testing.assert_allclose(table.slots["accumulators"][1], accumulator)
    np.testing.assert_allclose(table.slots["momenta"][1], momentum)
    np.testing.assert_array_equal(table.slots["momenta"][[0, 2]], 0)


@pytest.mark.parametrize(("inside", "root"), [(True, 5.0), (False, 7.0)])
def test_adam_step_gives_hand_computed_row(oracle, inside, root):
    # g = 8, v = 16; sqrt(16 + 3^2) = 5 and sqrt(16) + 3 = 7.
    optimizer = oracle.Adam(0.5, 0.5, 0.75, epsilon=3.0, sum_inside_sqrt=inside)
    table = step_once(oracle, optimizer, 4.0)
    np.testing.assert_allclose(table.slots["momenta"][1], [4, 4])
    np.testing.assert_allclose(table.slots["velocities"][1], [16, 16])
    np.testing.assert_allclose(table.values[1], [2 - 2 / root, 20 - 2 / root])


@pytest.mark.parametrize("lazy", [True, False])
def test_adam_moves_an_untouched_row_unless_it_is_lazy(oracle, lazy):
    optimizer = oracle.Adam(0.5, 0.5, 0.75, epsilon=3.0, lazy_adam=lazy)
    table = step_once(oracle, optimizer, 4.0)
    before = table.values[1].copy()
    table.step([(oracle.Lookup([[0], [0]], "sum"), ONES)])
    # m = 4 / 2, v = 0.75 * 16.
    m, v, moved = (4, 16, 0) if lazy else (2, 12, 0.5 * 2 / 21**0.5)
    np.testing.assert_allclose(table.slots["momenta"][1], m)
    np.testing.assert_allclose(table.slots["velocities"][1], v)
    np.testing.assert_allclose(before - table.values[1], moved)
    np.testing.assert_array_equal(table.values[2], TABLE[2])


@pytest.mark.parametrize(
    ("options", "linear", "weight"),
    [
        # n = 9, then 9 + 4^2 = 25; z = 4 - (5 - 3) * 2 / 0.5; w = 4 / (5 / 0.5).
        ({}, -4, 0.4),
        ({"l1_regularization_strength": 1.0}, -4, 3 / 10),
        ({"l1_regularization_strength": 4.0}, -4, 0),
        ({"l2_regularization_strength": 1.0}, -4, 4 / 12),
        ({"beta": 1.0}, -4, 4 / 12),
        ({"allow_zero_accumulator": True}, -4, 0.4),
        ({"learning_rate_power": -1.0}, 4 - 16 / 0.5 * 2, 60 / 50),
        ({"learning_rate_power": 0.0}, 4, -2),
        ({"multiply_linear_by_learning_rate": True}, -2, 0.4),
    ],
)
def test_ftrl_step_gives_hand_computed_row(oracle, options, linear, weight):
    optimizer = oracle.FTRL(0.5, initial_accumulator_value=9.0, **options)
    table = step_once(oracle, optimizer, 2.0)
    np.testing.assert_allclose(table.slots["accumulators"][1], 25)
    np.testing.assert_allclose(table.slots["linears"][1, 0], linear)
    np.testing.assert_allclose(table.values[1, 0], weight)
    np.testing.assert_array_equal(table.slots["linears"][[0, 2]], 0)


def test_ftrl_with_the_rate_in_its_linear_slot_gives_the_same_rows(oracle):
    options = {
        "l1_regularization_strength": 1.0,
        "l2_regularization_strength": 1.0,
        "beta": 1.0,
        "initial_accumulator_value": 9.0,
    }
    apart = step_once(oracle, oracle.FTRL(0.5, **options), 2.0, steps=3)
    options["multiply_linear_by_learning_rate"] = True
    inside = step_once(oracle, oracle.FTRL(0.5, **options), 2.0, steps=3)
    np.testing.assert_allclose(apart.values, inside.values)
    np.testing.assert_allclose(0.5 * apart.slots["linears"], inside.slots["linears"])
    first = step_once(oracle, oracle.FTRL(0.5, **options), 2.0)
    # z = 0.5 * 4 - 2 * 2 = -2; w = (2 - 0.5) / (5 + 2 * 0.5 + 1).
    np.testing.assert_allclose(first.values[1, 0], 1.5 / 7)


def test_ftrl_with_the_rate_in_its_linear_slot_takes_a_rate_of_zero(oracle):
    options = {
        "initial_accumulator_value": 9.0,
        "multiply_linear_by_learning_rate": True,
    }
    table = step_once(oracle, oracle.FTRL(0.0, **options), 2.0)
    # z = 0 - (5 - 3) * 2; w = 4 / 5.
    np.testing.assert_allclose(table.values[1, 0], 0.8)


@pytest.mark.parametrize(
    ("options", "row"),
    [
        # g = 2, lr = 0.5, w = 2 and 20.
        (DECAY, [1.5 - 1, 15 - 1]),
        (DECAY | BY_RATE, [1.75 - 1, 17.5 - 1]),
        ({"clipvalue": 1.0}, [1.5, 19.5]),
        ({"clipvalue": (None, 0.5)}, [1.75, 19.75]),
        ({"clipvalue": (3.0, None)}, [0.5, 18.5]),
        ({"clip_weight_max": 12.0}, [1, 12]),
        ({"clip_weight_min": 4.0}, [4, 19]),
        ({"clip_weight_min": -1.0, "clip_weight_max": 0.5}, [0.5, 0.5]),
        # The gradient is clipped before, the decayed and updated row after.
        (
            {"clipvalue": 1.0, "weight_decay_factor": 0.5, "clip_weight_max": 9.0},
            [0.5, 9.0],
        ),
    ],
)
def test_options_give_hand_computed_row(oracle, options, row):
    table = step_once(oracle, oracle.SGD(0.5, **options))
    np.testing.assert_allclose(table.values, [[1, 10], row, [4, 40]])


def test_gradient_is_clipped_after_accumulation_not_before(oracle):
    optimizer = oracle.SGD(1.0, clipvalue=1.5)
    lookup = oracle.Lookup([[1], [1]], "sum")
    table = oracle.Table(TABLE, optimizer)
    table.step([(lookup, np.array([[3.0, 1.0], [-2.0, 1.0]]))])
    np.testing.assert_array_equal(table.values[1], [2 - 1, 20 - 1.5])


def test_ftrl_sees_the_decayed_weight(oracle):
    optimizer = oracle.FTRL(0.5, initial_accumulator_value=9.0, **DECAY)
    # w = 1.5; z = 4 - 2 * 1.5 / 0.5; w = 2 / (5 / 0.5).
    np.testing.assert_allclose(step_once(oracle, optimizer, 2.0).values[1, 0], 0.2)


def test_occurrences_are_applied_in_order_without_accumulation(oracle):
    optimizer = oracle.Adagrad(
        1.0, initial_accumulator_value=16.0, use_gradient_accumulation=False
    )
    first = (oracle.Lookup([[1, 0], []], "sum"), 3 * ONES)
    second = (oracle.Lookup([[], [1]], "sum"), 12 * ONES)
    table = oracle.Table(TABLE, optimizer)
    table.step([first, second])
    # a = 16 + 9, then 25 + 144.
    np.testing.assert_allclose(table.values[1, 0], 2 - 3 / 5 - 12 / 13)
    np.testing.assert_allclose(table.slots["accumulators"][1], 169)
    swapped = oracle.Table(TABLE, optimizer)
    swapped.step([second, first])
    expected = 2 - 12 / 160**0.5 - 3 / 13
    np.testing.assert_allclose(swapped.values[1, 0], expected)


def test_every_occurrence_decays_without_accumulation(oracle):
    options = {"weight_decay_factor": 0.5, "use_gradient_accumulation": False}
    table = step_once(oracle, oracle.SGD(0.0, **options))
    np.testing.assert_array_equal(table.values[1], [2 / 4, 20 / 4])
    options["use_gradient_accumulation"] = True
    table = step_once(oracle, oracle.SGD(0.0, **options))
    np.testing.assert_array_equal(table.values[1], [2 / 2, 20 / 2])


def test_learning_rates_by_step_are_used_in_turn(oracle):
    table = step_once(oracle, oracle.SGD([0.5, 0.0, 0.25]), steps=3)
    np.testing.assert_array_equal(table.values[1], [2 - 1 - 0.5, 20 - 1 - 0.5])


def test_replicas_are_one_step_with_all_their_lookups(oracle):
    table = oracle.Table(TABLE, oracle.Adagrad(1.0, initial_accumulator_value=9.0))
    replicas = [(oracle.Lookup([[1], [1]]), ONES), (oracle.Lookup([[1], [1]]), ONES)]
    table.step(replicas)
    np.testing.assert_allclose(table.values[1], [2 - 4 / 5, 20 - 4 / 5])


def test_quantization_rounds_what_lookups_see_and_not_the_table(oracle):
    quantization = oracle.Quantization(5, 0.0, 1.0)
    given = np.array([[0.3, 0.375], [-1.0, 7.0]])
    np.testing.assert_allclose(quantization.of(given), [[0.25, 0.5], [0, 1]])
    table = oracle.Table(given, oracle.SGD(1.0), quantization=quantization)
    (seen,) = table.step([(oracle.Lookup([[0, 1]], "sum"), np.ones((1, 2)))])
    np.testing.assert_allclose(seen, [[0.25, 1.5]])
    np.testing.assert_allclose(table.values, given - 1)


def test_quantization_rounds_halves_up_below_zero_too(oracle):
    rounded = oracle.Quantization(3, -1.0, 1.0).of(np.array([-0.5, 0.5, -0.51]))
    np.testing.assert_allclose(rounded, [0, 1, -1])


def test_pipelined_lookups_are_one_step_stale(oracle):
    table = oracle.Table(TABLE, oracle.SGD(0.5), pipelined=True)
    lookup = oracle.Lookup([[1], [1]], "sum")
    seen = [table.step([(lookup, ONES)])[0][0, 0] for _ in range(4)]
    # Each update takes 1 off; step n sees those up to n - 2.
    np.testing.assert_array_equal(seen, [2, 2, 1, 0])
    np.testing.assert_array_equal(table.values[1], [-2, 16])


@pytest.mark.parametrize("row", [-1, 3, 2**31 + 1])
def test_invalid_id_meets_the_policy(oracle, row):
    ids = [[0, row], [row]]

    def step(policy, **options):
        table = oracle.Table(TABLE, oracle.SGD(1.0), policy=policy)
        gradient = ONES if not options else np.ones((2, 2, 2))
        (seen,) = table.step([(oracle.Lookup(ids, "mean", **options), gradient)])
        return seen, table.values

    with pytest.raises(oracle.Refused, match="id"):
        step("error")
    seen, values = step("drop")
    np.testing.assert_array_equal(seen, [[1, 10], [0, 0]])
    np.testing.assert_array_equal(values, [[0, 9], [2, 20], [4, 40]])
    seen, values = step("oov_row")
    np.testing.assert_array_equal(seen, [[2.5, 25], [4, 40]])
    np.testing.assert_array_equal(values, [[0.5, 9.5], [2, 20], [2.5, 38.5]])
    seen, values = step("drop", max_sequence_length=2)
    np.testing.assert_array_equal(seen[:, :, 0], [[1, 0], [0, 0]])
    seen, values = step("oov_row", max_sequence_length=2)
    np.testing.assert_array_equal(seen[:, :, 0], [[1, 4], [4, 0]])


@pytest.mark.parametrize("combiner", ["sum", "mean", "sqrtn"])
@pytest.mark.parametrize("weight", [NAN, INF, -INF, -1.0, 0.0])
@pytest.mark.parametrize("policy", ["error", "drop", "oov_row"])
def test_invalid_weight_meets_the_policy(oracle, combiner, weight, policy):
    table = oracle.Table(TABLE, oracle.Adam(1.0), policy=policy)
    lookup = oracle.Lookup([[0, 1]], combiner, [[2.0, weight]])
    if weight == 0 or (weight == -1 and combiner == "sum"):
        scale = 1 if combiner == "sum" else 0.5
        np.testing.assert_array_equal(
            table.look_up(lookup)[0], scale * (2 * TABLE[0] + weight * TABLE[1])
        )
    elif policy == "error":
        with pytest.raises(oracle.Refused, match="weight"):
            table.look_up(lookup)
    else:
        scale = 2 if combiner == "sum" else 1
        seen = table.step([(lookup, np.ones((1, 2)))])
        np.testing.assert_array_equal(seen, [[scale * TABLE[0]]])
        np.testing.assert_array_equal(table.values[1:], TABLE[1:])


@pytest.mark.parametrize("value", [NAN, INF])
@pytest.mark.parametrize("accumulate", [True, False])
def test_gradient_that_is_not_finite_meets_the_policy(oracle, value, accumulate):
    gradient = np.array([[value, 1.0], [1.0, 1.0]])
    options = {"use_gradient_accumulation": accumulate}

    def step(policy):
        table = oracle.Table(TABLE, oracle.Adagrad(1.0, **options), policy=policy)
        error = None
        try:
            table.step([(oracle.Lookup([[0, 1], [1, 2]], "sum"), gradient)])
        except oracle.Refused as refused:
            error = refused
        return table, error

    table, error = step("error")
    assert "[0, 1]" in str(error)
    np.testing.assert_array_equal(table.values, TABLE)
    for policy in ("drop", "oov_row"):
        table, error = step(policy)
        assert error is None
        np.testing.assert_array_equal(table.values[:2], TABLE[:2])
        np.testing.assert_array_equal(table.slots["accumulators"][:2], 0.1)
        np.testing.assert_allclose(table.slots["accumulators"][2], 1.1)
