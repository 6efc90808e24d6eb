"""Quantiles of whole numbers, against NumPy's sorted values."""

import numpy as np
import pytest

from shardline.components.features.analysis.whole_quantiles import (
    WholeQuantiles,
    merged_boundaries,
)

SMALLEST, LARGEST = np.iinfo(np.int64).min, np.iinfo(np.int64).max
RANDOM = np.random.default_rng(11)


def stored(values: np.ndarray, buckets: int) -> bytes:
    sketch = WholeQuantiles(buckets)
    for some in np.array_split(values, 3):
        sketch.add(some)
    return sketch.to_bytes()


def by_numpy(values: np.ndarray, buckets: int) -> list[int]:
    """The first value of each bucket but the first, of all values in order."""
    return [int(np.sort(values)[len(values) * b // buckets]) for b in range(1, buckets)]


@pytest.mark.parametrize("parts", [1, 4])
@pytest.mark.parametrize(
    ("values", "buckets"),
    [
        (1_700_000_000_000 + 50 * np.arange(400), 10),
        (2**53 + np.arange(400), 10),
        (np.array([SMALLEST, SMALLEST + 1, -1, 0, 1, LARGEST - 1, LARGEST]), 7),
        (np.array([SMALLEST, LARGEST]), 2),
        (np.full(99, -7), 4),
        (np.array([3, 3, 3, 9]), 10),
        (RANDOM.integers(SMALLEST, LARGEST, 4000), 32),
        (np.array([5]), 3),
    ],
    ids=[
        "milliseconds",
        "beyond_float64",
        "extremes",
        "two",
        "equal",
        "few",
        "random",
        "one",
    ],
)
def test_boundaries_of_some_thousand_values_are_exact(
    values: np.ndarray, buckets: int, parts: int
) -> None:
    shuffled = RANDOM.permutation(values)
    sketches = [stored(part, buckets) for part in np.array_split(shuffled, parts)]

    assert merged_boundaries(sketches, buckets) == by_numpy(values, buckets)


@pytest.mark.parametrize("order", ["sorted", "shuffled"])
def test_boundaries_of_many_values_are_close(order: str) -> None:
    values = 2**60 + np.arange(300_000) ** 2
    if order == "shuffled":
        values = RANDOM.permutation(values)
    sketches = [stored(part, 20) for part in np.array_split(values, 30)]

    found = merged_boundaries(sketches, 20)

    ranks = np.searchsorted(np.sort(values), found) / len(values)
    # log2(300,000 / 4096) / 4096
    np.testing.assert_allclose(ranks, np.arange(1, 20) / 20, rtol=0, atol=0.0016)
    assert set(found) <= set(values.tolist())


def test_sketch_of_many_values_is_small() -> None:
    assert len(stored(np.arange(1_000_000), 10)) < 300_000


def test_sketch_of_many_buckets_tells_them_apart() -> None:
    values = RANDOM.permutation(np.arange(200_000))

    found = merged_boundaries([stored(values, 5000)], 5000)

    ends = np.array([0, *found, 200_000])
    assert 20 <= np.diff(ends).min() <= np.diff(ends).max() <= 60


def test_same_sketches_give_the_same_boundaries() -> None:
    values = RANDOM.integers(0, 10**12, 50_000)
    sketches = [stored(part, 8) for part in np.array_split(values, 5)]

    assert merged_boundaries(sketches, 8) == merged_boundaries(list(sketches), 8)


def test_boundaries_of_nothing_are_zeros() -> None:
    assert merged_boundaries([], 4) == [0, 0, 0]
    assert merged_boundaries([WholeQuantiles(4).to_bytes()], 4) == [0, 0, 0]
