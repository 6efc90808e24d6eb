"""Moments and quantiles of numbers, in one pass and mergeable in any order."""

import dataclasses
from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from tfx_bsl import sketches

from shardline.components.features.analysis.statistics import NumberStatistics
from shardline.components.features.analysis.whole_quantiles import (
    WholeQuantiles,
    merged_boundaries,
)
from shardline.components.features.ids.arrow_tokens import (
    column_of,
    counted_tokens,
    is_missing,
)
from shardline.configs.column import Dtype
from shardline.configs.schema import Preprocessing

_SKETCHED_VALUES = 1 << 32


@dataclasses.dataclass(frozen=True)
class Moments:
    """What merges into the mean, variance, smallest and largest of some values.

    Attributes:
        count: how many values.
        missing: how many were missing.
        mean: their mean.
        squares: the sum of squared differences to the mean.
        minimum: the smallest; infinity for no value.
        maximum: the largest; minus infinity for no value.
    """

    count: int = 0
    missing: int = 0
    mean: float = 0.0
    squares: float = 0.0
    minimum: float = np.inf
    maximum: float = -np.inf

    def __add__(self, other: "Moments") -> "Moments":
        """Merges, as in Chan et al., "Updating Formulae", 1979."""
        count = self.count + other.count
        if not count:
            return Moments(missing=self.missing + other.missing)
        delta = other.mean - self.mean
        return Moments(
            count,
            self.missing + other.missing,
            self.mean + delta * other.count / count,
            self.squares
            + other.squares
            + delta * delta * self.count * other.count / count,
            min(self.minimum, other.minimum),
            max(self.maximum, other.maximum),
        )

    @property
    def statistics(self) -> NumberStatistics:
        """Returns what preprocessing needs of them."""
        return NumberStatistics(
            count=self.count,
            missing=self.missing,
            mean=self.mean,
            variance=self.squares / self.count if self.count else 0.0,
            minimum=self.minimum if self.count else 0.0,
            maximum=self.maximum if self.count else 0.0,
        )


def moments_of(values: np.ndarray, missing: int) -> Moments:
    """Returns the moments of float64 [n]."""
    if not len(values):
        return Moments(missing=missing)
    mean = float(values.mean())
    return Moments(
        len(values),
        missing,
        mean,
        float(np.square(values - mean).sum()),
        float(values.min()),
        float(values.max()),
    )


class NumberMoments:
    """The moments of every number of a specification."""

    def __init__(self, preprocessing: Preprocessing) -> None:
        """Starts with no value.

        Args:
            preprocessing: the features, numbers and tables to preprocess.
        """
        self._numbers = preprocessing.numbers
        self._moments = dict.fromkeys(self._numbers, Moments())

    def add(self, batch: pa.RecordBatch) -> None:
        """Adds the values of a batch of raw columns."""
        for name, number in self._numbers.items():
            column = column_of(batch, number.column or name)
            is_there = ~is_missing(column.values)
            if number.dtype == "int64" and number.missing == "error":
                is_there[:] = True  # every int64 is a number where none may be missing
            values = column.values.to_numpy(zero_copy_only=False)[is_there]
            values = values.astype(np.float64)
            missing = batch.num_rows - len(values)
            if number.log:
                values = np.sign(values) * np.log1p(np.abs(values))
            self._moments[name] += moments_of(values, missing)

    def drain(self) -> dict[str, Moments]:
        """Returns the moments by number, and starts anew."""
        moments, self._moments = self._moments, dict.fromkeys(self._numbers, Moments())
        return moments


class TableQuantiles:
    """Sketches of the values of every table of quantile buckets.

    The sketch of floats is TensorFlow Transform's own, with its accuracy, so that
    boundaries are those of `tft.bucketize`. Whole numbers have one that keeps their
    digits.
    """

    def __init__(self, preprocessing: Preprocessing) -> None:
        """Starts with no value.

        Args:
            preprocessing: the features, numbers and tables to preprocess.
        """
        self._features = {
            name: feature
            for name, feature in preprocessing.features.items()
            if feature.ids.kind == "quantiles"
        }
        self._start()

    def _start(self) -> None:
        self._floats: dict[str, sketches.QuantilesSketch] = {}
        self._wholes: dict[str, WholeQuantiles] = {}
        for feature in self._features.values():
            buckets = feature.ids.quantile_buckets or 1
            if feature.column_dtype == "int64":
                self._wholes[feature.table] = WholeQuantiles(buckets)
            else:
                self._floats[feature.table] = new_sketch(buckets)

    def add(self, batch: pa.RecordBatch) -> None:
        """Adds the values of a batch of raw columns."""
        for name, feature in self._features.items():
            values = counted_tokens(name, feature, batch)
            if feature.table in self._wholes:
                self._wholes[feature.table].add(values.to_numpy())
                continue
            values = values.filter(pc.invert(pc.is_nan(values)))
            self._floats[feature.table].AddValues(values)

    def drain(self) -> dict[str, bytes]:
        """Returns the sketches by table, serialized, and starts anew."""
        drained = {table: to_bytes(s) for table, s in self._floats.items()}
        drained |= {table: s.to_bytes() for table, s in self._wholes.items()}
        self._start()
        return drained


def new_sketch(buckets: int) -> sketches.QuantilesSketch:
    """Returns an empty sketch that is exact enough for so many buckets."""
    return sketches.QuantilesSketch(min(0.01, 1 / buckets), _SKETCHED_VALUES, 1)


def to_bytes(sketch: sketches.QuantilesSketch) -> bytes:
    """Returns a sketch as its library's own message, which holds numbers alone."""
    state: bytes = sketch.__getstate__()
    return state


def from_bytes(state: bytes) -> sketches.QuantilesSketch:
    """Returns the sketch that `to_bytes` wrote.

    Raises:
        RuntimeError: if the bytes are no sketch; nothing in them is ever run.
    """
    sketch = sketches.QuantilesSketch.__new__(sketches.QuantilesSketch)
    sketch.__setstate__(state)
    return sketch


def boundaries(
    serialized: Iterable[bytes], buckets: int, dtype: Dtype = "float"
) -> list[int] | list[float]:
    """Returns where buckets end: buckets - 1 values, none smaller than the one before.

    Args:
        serialized: sketches of parts of the values.
        buckets: how many of about equal numbers of values.
        dtype: the dtype of the values, float or int64; the boundaries are of the same.
    """
    if buckets == 1:
        return []
    if dtype == "int64":
        return merged_boundaries(serialized, buckets)
    whole = new_sketch(buckets)
    for part in serialized:
        whole.Merge(from_bytes(part))
    quantiles = whole.GetQuantiles(buckets).to_pylist()
    return quantiles[0][1:-1] if quantiles else [0.0] * (buckets - 1)
