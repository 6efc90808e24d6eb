"""What a case says of itself."""

import dataclasses

import pytest

from shardline.embedding.conformance.cases import Batch
from shardline.embedding.conformance.golden import read_groups


@pytest.fixture
def case():
    """The first case of the inputs, of dense ids."""
    return read_groups(["inputs"])[0].cases[0]


def with_weights(case, combiner, ids, weights):
    """Returns a case of one batch with these ids and weights."""
    batch = Batch(ids, weights, case.steps[0].batches["left"].gradient)
    step = dataclasses.replace(case.steps[0], batches={"left": batch})
    return dataclasses.replace(case, combiner=combiner, steps=(step,))


def test_rows_looked_up_grow_from_step_to_step(case):
    first, both = case.rows_looked_up(0), case.rows_looked_up(1)
    assert first == {1, 2, 3, 4, 5, 6}
    assert first <= both


def test_learning_rates_are_one_or_one_for_each_step(case):
    assert case.learning_rates == [0.05]
    (group,) = read_groups(["learning_rates"])
    assert group.cases[0].learning_rates == [0.05, 0.2, 0.01, 0.1]


@pytest.mark.parametrize(
    ("combiner", "ids", "weights", "expected"),
    [
        ("mean", ((1, 2),), ((0.0, 0.0),), True),
        ("sqrtn", ((1,), (2,)), ((1.0,), (0.0,)), True),
        ("sum", ((1, 2),), ((0.0, 0.0),), False),
        ("mean", ((1, 2), ()), ((0.0, 1.0), ()), False),
        ("mean", ((1,),), None, False),
    ],
)
def test_weights_that_sum_to_zero_divide_by_zero(
    case, combiner, ids, weights, expected
):
    assert with_weights(case, combiner, ids, weights).divides_by_zero == expected


def test_case_is_refused_if_its_last_step_is(case):
    assert not case.is_refused
    last = dataclasses.replace(case.steps[-1], is_refused=True)
    assert dataclasses.replace(case, steps=(case.steps[0], last)).is_refused
