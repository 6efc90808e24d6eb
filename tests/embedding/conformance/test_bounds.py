"""Bounds by place, optimizer and step."""

import dataclasses

import numpy as np
import pytest

from shardline.embedding.conformance import bounds
from shardline.embedding.conformance.golden import read_groups

OPTIMIZERS = {
    case.name: case for group in read_groups(["optimizers"]) for case in group.cases
}


def test_bound_is_a_distance_and_a_share_of_the_value():
    bound = bounds.Bound(1e-5, 1e-2)
    found = bound.around(np.array([[0.0, -2.0]], np.float32))
    np.testing.assert_allclose(found, [[1e-5, 2e-2 + 1e-5]])
    assert not bounds.EXACT.around(np.ones([1, 2], np.float32)).any()


def test_first_lookup_on_hosts_has_the_closest_bound():
    case = OPTIMIZERS["adam"]
    first, later = (bounds.of_activations(case, n, on_tpu=False) for n in (0, 1))
    assert first.absolute < later.absolute


@pytest.mark.parametrize("name", ["sgd", "adagrad", "adam", "ftrl", "adagradmomentum"])
def test_no_bound_on_a_tpu_is_closer_than_on_hosts(name):
    case = OPTIMIZERS[name]
    for slot in ("parameters", *case.steps[0].state):
        on_hosts, on_tpu = (
            bounds.of_state(case, slot, on_tpu=on_tpu) for on_tpu in (False, True)
        )
        assert on_tpu.absolute >= on_hosts.absolute
        assert on_tpu.relative >= on_hosts.relative


def test_linears_are_wider_by_the_smallest_learning_rate():
    case = OPTIMIZERS["ftrl"]
    plain = bounds.of_state(case, "accumulators", on_tpu=False).absolute
    wider = bounds.of_state(case, "linears", on_tpu=False).absolute
    assert wider == pytest.approx(plain / 0.05)
    rates = case.options | {"learning_rate": [0.2, 0.01]}
    dynamic = dataclasses.replace(case, options=rates)
    wider = bounds.of_state(dynamic, "linears", on_tpu=False).absolute
    assert wider == pytest.approx(plain / 0.01)
    times = OPTIMIZERS["ftrl-linear-times-rate"]
    assert bounds.of_state(times, "linears", on_tpu=False).absolute == plain
