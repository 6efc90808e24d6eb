"""Moments and quantiles of numbers merge, exactly enough, in any grouping."""

import functools
import operator
import pickle
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from shardline_tests import load

from shardline.components.features.analysis.numbers import (
    Moments,
    NumberMoments,
    TableQuantiles,
    boundaries,
    moments_of,
)
from shardline.configs.columns import raw_columns
from shardline.configs.schema import Feature, FeatureSet, Ids, Number, Table, Target

batch_of = load(Path(__file__).with_name("batches.py")).batch_of
RANDOM = np.random.default_rng(3)

VALUES = {
    "small": RANDOM.normal(0, 1, 1000),
    "far_from_zero": 1e9 + RANDOM.normal(0, 1e-3, 1000),
    "skewed": np.exp(RANDOM.normal(0, 4, 1000)),
    "constant": np.full(1000, 7.25),
    "one": np.array([3.5]),
}


@pytest.mark.parametrize("pieces", [1, 2, 7, 100])
@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES.keys())
def test_merged_moments_are_those_of_all_values(
    values: np.ndarray, pieces: int
) -> None:
    parts = [moments_of(part, missing=1) for part in np.array_split(values, pieces)]

    statistics = functools.reduce(operator.add, parts).statistics

    assert statistics.count == len(values)
    assert statistics.missing == pieces
    assert statistics.mean == pytest.approx(values.mean(), rel=1e-12)
    # By what float64 rounds the mean; the naive sum of squares errs by 100.
    error = np.spacing(np.abs(values).max()) * values.std()
    assert statistics.variance == pytest.approx(values.var(), rel=1e-9, abs=error)
    assert (statistics.minimum, statistics.maximum) == (values.min(), values.max())


def test_moments_merge_in_any_order() -> None:
    parts = [moments_of(part, 0) for part in np.array_split(VALUES["skewed"], 9)]

    forward = functools.reduce(operator.add, parts)
    backward = functools.reduce(operator.add, parts[::-1])

    assert forward.count == backward.count
    assert forward.mean == pytest.approx(backward.mean, rel=1e-12)
    assert forward.squares == pytest.approx(backward.squares, rel=1e-12)


def test_moments_of_nothing_are_zero_and_count_what_is_missing() -> None:
    nothing = moments_of(np.array([]), missing=3) + Moments(missing=2)

    statistics = nothing.statistics
    assert (statistics.count, statistics.missing) == (0, 5)
    assert (
        statistics.mean,
        statistics.variance,
        statistics.minimum,
        statistics.maximum,
    ) == (0, 0, 0, 0)


def test_nothing_changes_no_moment() -> None:
    some = moments_of(np.array([1.0, 2.0]), missing=0)

    assert Moments() + some == some
    assert some + Moments() == some


def _numbers(**numbers: Number) -> FeatureSet:
    return FeatureSet(
        features={"f": Feature(table="t")}, tables={"t": Table(dim=1)}, numbers=numbers
    )


def _moments(features: FeatureSet, rows: list[dict[str, Any]]) -> dict[str, Moments]:
    moments = NumberMoments(features.preprocessing(Target()))
    rows = [{"f": "a"} | row for row in rows]
    moments.add(batch_of(raw_columns(features), rows))
    return moments.drain()


def test_missing_values_and_nan_are_counted_and_left_out() -> None:
    features = _numbers(x=Number(missing="mean"))

    rows = [{"x": 1.0}, {"x": None}, {"x": float("nan")}, {"x": 4.0}]
    statistics = _moments(features, rows)["x"].statistics

    assert (statistics.count, statistics.missing) == (2, 2)
    assert (statistics.mean, statistics.variance) == (2.5, 2.25)
    assert (statistics.minimum, statistics.maximum) == (1, 4)


def test_moments_of_whole_numbers_far_from_zero_are_exact() -> None:
    features = _numbers(x=Number(dtype="int64"))

    rows = [{"x": 10**9 + n} for n in (0, 1, 2)]
    statistics = _moments(features, rows)["x"].statistics

    assert statistics.mean == 10**9 + 1
    assert statistics.variance == pytest.approx(2 / 3, rel=1e-12)


def test_moments_are_taken_of_the_logarithm() -> None:
    features = _numbers(x=Number(log=True))

    statistics = _moments(features, [{"x": np.e - 1}, {"x": -(np.e**3 - 1)}])[
        "x"
    ].statistics

    assert statistics.minimum == pytest.approx(-3, rel=1e-6)
    assert statistics.maximum == pytest.approx(1, rel=1e-6)
    assert statistics.mean == pytest.approx(-1, rel=1e-6)


def test_draining_moments_starts_anew() -> None:
    features = _numbers(x=Number())
    moments = NumberMoments(features.preprocessing(Target()))
    moments.add(batch_of(raw_columns(features), [{"f": "a", "x": 1.0}]))

    assert moments.drain()["x"].count == 1
    assert moments.drain() == {"x": Moments()}


def _buckets(count: int) -> FeatureSet:
    ids = Ids(quantile_buckets=count)
    return FeatureSet(
        features={
            "f": Feature(table="t", ids=ids),
            "g": Feature(table="t", ids=ids, combiner="sum"),
        },
        tables={"t": Table(dim=1)},
    )


def _sketches(features: FeatureSet, rows: list[dict[str, Any]], parts: int) -> Any:
    quantiles = TableQuantiles(features.preprocessing(Target()))
    drained = []
    for part in np.array_split(np.arange(len(rows)), parts):
        some = [rows[n] for n in part]
        quantiles.add(batch_of(raw_columns(features), some))
        drained.append(quantiles.drain()["t"])
    return drained


@pytest.mark.parametrize("parts", [1, 5])
def test_buckets_hold_about_equally_many_values(parts: int) -> None:
    rows = [{"f": float(x), "g": [float(x)]} for x in RANDOM.permutation(2000)]

    found = boundaries(_sketches(_buckets(4), rows, parts), 4)

    assert found == sorted(found)
    assert found == pytest.approx([500, 1000, 1500], abs=0.01 * 2000)


def test_quantiles_leave_nan_out_and_see_all_features_of_a_table() -> None:
    nan = float("nan")
    rows = [{"f": 1.0, "g": [5.0, nan]}, {"f": 2.0, "g": []}, {"f": 3.0, "g": [4.0]}]

    found = boundaries(_sketches(_buckets(5), rows, 1), 5)

    assert found in ([1, 2, 3, 4], [2, 3, 4, 5])


def test_boundaries_of_nothing_are_zeros() -> None:
    assert boundaries([], 4) == [0, 0, 0]
    assert boundaries(_sketches(_buckets(4), [], 1), 4) == [0, 0, 0]


def test_one_bucket_has_no_boundary() -> None:
    assert boundaries(_sketches(_buckets(1), [{"f": 1.0, "g": []}], 1), 1) == []


class Hostile:
    """What runs code where it is unpickled."""

    ran: ClassVar[list[bool]] = []

    def __reduce__(self) -> Any:
        return Hostile.ran.append, (True,)


@pytest.mark.parametrize("part", [b"", b"no sketch", pickle.dumps(Hostile())])
def test_bytes_that_are_no_sketch_are_refused_and_not_run(part: bytes) -> None:
    with pytest.raises(RuntimeError, match="sketch"):
        boundaries([part], 4)
    assert not Hostile.ran
