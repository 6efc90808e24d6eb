"""Differences: what counts as one, which is told, and how far apart values are."""

import math

import numpy as np
import pytest

from shardline.embedding.conformance.bounds import EXACT, Bound
from shardline.embedding.conformance.comparison import (
    Outcome,
    compared,
    ulps_between,
)

LOOSE = Bound(0.1, 0.0)


def matrix(*rows):
    return np.array(rows, np.float32)


def outcome(expected, got, bound=LOOSE, **options):
    where = {"table": "items", "step": 2, "what": "momenta"}
    return compared(expected, got, bound, **where, **options)


def test_values_inside_their_bound_are_no_difference():
    found = outcome(matrix([1.0, 2.0]), matrix([1.05, 2.0]))
    assert found.difference is None
    assert found.share == pytest.approx(0.5, rel=1e-5)


def test_worst_value_is_told_with_its_place():
    found = outcome(
        matrix([1.0, 2.0], [3.0, 4.0]), matrix([1.2, 2.0], [3.0, 4.5])
    ).difference
    assert (found.row, found.column, found.differing, found.values) == (1, 1, 2, 4)
    assert str(found) == (
        "step 2, momenta, row 1, column 1: expected 4, got 4.5 (5.0e-01 or 1,048,576 "
        "ulp off, 1.0e-01 allowed); 2 of 4 values are off"
    )


def test_places_of_activations_are_not_called_rows():
    found = compared(
        matrix([1.0]),
        matrix([2.0]),
        LOOSE,
        table="items",
        step=1,
        what="activations of left",
    )
    assert "activations of left, place 0" in str(found.difference)


def test_exact_rows_may_not_differ_in_a_bit():
    one_ulp = np.nextafter(np.float32(1), np.float32(2))
    expected, got = matrix([1.0], [1.0]), matrix([one_ulp], [one_ulp])
    found = outcome(expected, got, exact_rows=np.array([False, True]))
    assert found.difference.row == 1
    assert "1 ulp off, no bit may differ" in str(found.difference)
    assert math.isinf(found.share)
    assert outcome(expected, expected, EXACT).difference is None


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_value_that_is_no_number_is_a_difference(bad):
    found = outcome(matrix([1.0, 5.0]), matrix([bad, 5.09]))
    assert math.isinf(found.share)
    assert found.difference.column == 0
    assert found.difference.ulps is None
    assert "ulp" not in str(found.difference)


def test_another_shape_is_an_error_with_both():
    with pytest.raises(ValueError, match=r"momenta: expected the shape \[1, 2\], got"):
        outcome(matrix([1.0, 2.0]), matrix([1.0]))


def test_first_difference_stays_and_the_largest_share_too():
    first = outcome(matrix([1.0]), matrix([1.2]))
    later = outcome(matrix([1.0]), matrix([3.0]))
    both = Outcome().and_then(first).and_then(later)
    assert both == Outcome(later.share, first.difference)


def test_ulps_count_over_zero():
    tiny = np.float32(1e-45)
    left, right = matrix([1.0, -tiny, 0.0]), matrix([1.0, tiny, -0.0])
    assert ulps_between(left, right).tolist() == [[0, 2, 0]]
