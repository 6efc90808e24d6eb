"""A trial trains cases side by side, and sees what a step changes and what not."""

import dataclasses

import numpy as np
import pytest

from shardline.embedding.conformance.golden import read_groups
from shardline.embedding.conformance.time_limit import TimeLimit
from shardline.embedding.conformance.training import Trial

CASES = {
    case.name: case
    for group in read_groups(["inputs", "optimizers", "policies"])
    for case in group.cases
}


@pytest.fixture
def trial(on_hosts):
    def make(*cases):
        return Trial(on_hosts(2), cases, TimeLimit())

    return make


def with_state(case, change):
    """Returns a case whose first step expects other parameters."""
    expected = case.steps[0].state["parameters"].copy()
    change(expected)
    state = {**case.steps[0].state, "parameters": expected}
    first = dataclasses.replace(case.steps[0], state=state)
    return dataclasses.replace(case, steps=(first, *case.steps[1:]))


def test_cases_are_trained_together_and_compared_each_by_itself(trial):
    def change(expected):
        expected[1, 2] += 1

    wrong = dataclasses.replace(with_state(CASES["sparse-sum"], change), name="other")
    made = trial(CASES["dense"], wrong)
    cores = made.train(0)
    assert len(cores) == 1
    assert cores[0].keys() == {"dense", "other"}
    assert made.outcomes["dense"].difference is None
    difference = made.outcomes["other"].difference
    assert (difference.what, difference.row, difference.column) == ("parameters", 1, 2)
    made.train(1)
    # The first difference is told, with the step in which it was seen.
    assert made.outcomes["other"].difference == difference


def test_row_that_nobody_looked_up_must_keep_all_its_bits(trial):
    made = trial(CASES["sparse-sum"])
    made.train(0)
    assert made.outcomes["sparse-sum"].difference is None
    (table,) = made.engine.embedding_tables.values()
    rows = table.variables[0].numpy()
    rows[0, 0] = np.nextafter(rows[0, 0], np.float32(9))
    table.variables[0].assign(rows)
    made.compare_state(0)
    difference = made.outcomes["sparse-sum"].difference
    assert (difference.row, difference.ulps, difference.allowed) == (0, 1, 0)


def test_state_has_every_table_and_slot(trial):
    made = trial(CASES["adam"], CASES["sgd"])
    found = made.state()
    assert found.keys() == {"adam", "sgd"}
    assert found["adam"].keys() == {"parameters", "momenta", "velocities"}
    np.testing.assert_array_equal(found["sgd"]["parameters"], CASES["sgd"].start)


def test_bounds_of_a_tpu_hold_where_they_are_asked_for(on_hosts):
    def change(expected):
        expected[1, 2] += 9e-5

    case = with_state(CASES["adam"], change)
    for on_tpu in (False, True):
        made = Trial(on_hosts(1), [case], TimeLimit(), on_tpu=on_tpu)
        made.train(0)
        assert (made.outcomes["adam"].difference is None) == on_tpu
