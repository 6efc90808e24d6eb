"""Rows that lookups touch, beside draws."""

import numpy as np
import pytest

from shardline.components.planner.scale.skew import touched_rows


def test_equal_ids_are_touched_as_formula_says() -> None:
    assert touched_rows([(1, 7), (100, 7)], 100) == pytest.approx(
        100 * (1 - np.exp(-1)), rel=1e-6
    )


def test_single_id_is_touched_once() -> None:
    assert touched_rows([(1, 5)], 1000) == pytest.approx(1)


@pytest.mark.parametrize("exponent", [0.8, 1.0, 1.2])
def test_skewed_ids_are_touched_as_often_as_draws_touch_them(exponent: float) -> None:
    ids, lookups = 20_000, 50_000
    shares = np.arange(1, ids + 1) ** -exponent
    rng = np.random.default_rng(1)
    drawn = rng.choice(ids, lookups, p=shares / shares.sum())
    curve = [(1, 10**9), (ids, round(10**9 * ids**-exponent))]

    assert touched_rows(curve, lookups) == pytest.approx(len(set(drawn)), rel=0.02)


def test_ten_million_rows_are_touched_as_a_simulation_found() -> None:
    # 100 steps of 4,096 examples with 10 ids, of Zipf 1.0: 10.2 % of the rows.
    curve = [(1, 10**9), (10**7, 100)]

    assert touched_rows(curve, 4_096_000) / 10**7 == pytest.approx(0.102, abs=0.002)
