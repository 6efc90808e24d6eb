"""What examples of a span are like, found in the pass that writes them.

Everything is a sum or a bound, so that neither the order of examples nor how they are
batched changes it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np
import pyarrow as pa
from tensorflow.core.example.example_pb2 import Example
from tfx_bsl.sketches import KmvSketch

from shardline.components.contracts.spans.profile import ColumnProfile, SpanProfile
from shardline.components.readers.files import BadInputError
from shardline.components.readers.files.columns.lists import Lists, listed
from shardline.components.readers.files.formats.example_columns import decode_all
from shardline.components.readers.files.judging.bad_input import FileFault
from shardline.components.readers.files.spans.times import (
    MICROSECONDS,
    check_type,
    microseconds,
)
from shardline.configs.shown import shown

DIGEST_BYTES = 16
_WORD = 1 << 64
_KMV_BUCKETS = 2048  # tells about how many values there are to 2 % or so
_DIGITS = 12


@dataclass(frozen=True)
class Asked:
    """What is looked for in examples.

    Attributes:
        label: the column of labels.
        weight: the column of the examples' weights, or None.
        time: the column of times, or None.
    """

    label: str
    weight: str | None = None
    time: str | None = None


@dataclass
class ColumnSums:
    """Sums of a column.

    Attributes:
        filled: examples with a value.
        values: values of all examples.
        distinct: a sketch of its values; None for floats.
    """

    filled: int = 0
    values: int = 0
    distinct: Any = None

    def add(self, other: ColumnSums) -> None:
        """Adds the sums of other examples."""
        self.filled += other.filled
        self.values += other.values
        if other.distinct is None:
            return
        if self.distinct is None:
            self.distinct = KmvSketch(_KMV_BUCKETS)
        self.distinct.Merge(other.distinct)


@dataclass
class Sums:
    """Sums of examples.

    Attributes:
        examples: how many.
        content: sums of the two halves of their digests, modulo 2^64.
        weighted_labels: of label times weight.
        weights: of the weights of examples that have a label.
        columns: by column.
        earliest: the first time, in microseconds since 1970.
        latest: the last time.
    """

    examples: int = 0
    content: tuple[int, int] = (0, 0)
    weighted_labels: float = 0.0
    weights: float = 0.0
    columns: dict[str, ColumnSums] = field(default_factory=dict)
    earliest: int | None = None
    latest: int | None = None

    def add(self, other: Sums) -> None:
        """Adds the sums of other examples."""
        self.examples += other.examples
        first, second = self.content
        self.content = (
            (first + other.content[0]) % _WORD,
            (second + other.content[1]) % _WORD,
        )
        self.weighted_labels += other.weighted_labels
        self.weights += other.weights
        for name, sums in other.columns.items():
            self.columns.setdefault(name, ColumnSums()).add(sums)
        self.earliest = _bound(min, self.earliest, other.earliest)
        self.latest = _bound(max, self.latest, other.latest)

    def profile(self) -> SpanProfile:
        """Returns what the examples are like."""
        count = max(1, self.examples)
        mean = self.weighted_labels / self.weights if self.weights else None
        return SpanProfile(
            examples=self.examples,
            content="".join(f"{half:016x}" for half in self.content),
            # As far as it does not depend on the order of the sum.
            label_mean=None if mean is None else float(f"{mean:.{_DIGITS}g}"),
            columns={
                name: ColumnProfile(
                    filled=sums.filled / count,
                    values=sums.values / count,
                    distinct=round(sums.distinct.Estimate()) if sums.distinct else None,
                )
                for name, sums in sorted(self.columns.items())
            },
            earliest=None if self.earliest is None else self.earliest / MICROSECONDS,
            latest=None if self.latest is None else self.latest / MICROSECONDS,
        )


class Examined(NamedTuple):
    """What some examples are like.

    Attributes:
        sums: of them.
        digests: of each, bytes of length `DIGEST_BYTES`.
        us: the time of each, microseconds since 1970; None if that is not asked.
    """

    sums: Sums
    digests: Sequence[bytes]
    us: Sequence[int] | None


def canonical(example: Any) -> bytes:
    """Returns the bytes of an example, equal for equal ones.

    Args:
        example: a tf.train.Example, serialized in any way or not.
    """
    parsed = Example.FromString(example) if isinstance(example, bytes) else example
    serialized: bytes = parsed.SerializeToString(deterministic=True)
    return serialized


def examine(span: str, records: Sequence[bytes], asked: Asked) -> Examined:
    """Looks at some examples.

    Args:
        span: the name of their span, for messages.
        records: as `canonical` gives them.
        asked: what is looked for.

    Raises:
        BadInputError: an example has not one time, though that is asked.
    """
    digests = [
        hashlib.blake2b(record, digest_size=DIGEST_BYTES).digest() for record in records
    ]
    halves = np.frombuffer(b"".join(digests), np.uint64).reshape(-1, 2)
    first, second = (int(half) for half in halves.sum(axis=0, dtype=np.uint64))
    columns = _columns(decode_all(records))
    us = _times(span, columns.get(asked.time), asked.time) if asked.time else None
    label, weight = _labels(len(records), columns, asked)
    sums = Sums(
        len(records),
        (first, second),
        label,
        weight,
        {name: _column_sums(lists) for name, lists in columns.items()},
        *((None, None) if us is None else (int(us.min()), int(us.max()))),
    )
    return Examined(sums, digests, None if us is None else us.tolist())


def profile_of(
    span: str, batches: Iterable[Sequence[bytes]], asked: Asked
) -> SpanProfile:
    """Returns what a span is like, without Beam.

    Args:
        span: its name, for messages.
        batches: its examples, as `canonical` gives them, some at a time.
        asked: what is looked for.
    """
    sums = Sums()
    for records in batches:
        sums.add(examine(span, records, asked).sums)
    return sums.profile()


class SumUp(beam.CombineFn):
    """Adds sums up."""

    def __init__(self) -> None:
        """Has nothing to set."""

    def create_accumulator(self) -> Sums:
        """Returns the sums of no example."""
        return Sums()

    def add_input(self, accumulator: Sums, sums: Sums) -> Sums:
        """Adds some."""
        accumulator.add(sums)
        return accumulator

    def merge_accumulators(self, accumulators: Iterable[Sums]) -> Sums:
        """Adds all."""
        merged = Sums()
        for sums in accumulators:
            merged.add(sums)
        return merged

    def extract_output(self, accumulator: Sums) -> SpanProfile:
        """Returns what the examples are like."""
        return accumulator.profile()


def _bound(pick: Any, one: int | None, other: int | None) -> int | None:
    there = [value for value in (one, other) if value is not None]
    return pick(there) if there else None


def _columns(batch: pa.RecordBatch) -> dict[str, Lists]:
    return {
        name: listed(batch.column(name))
        for name in batch.schema.names
        if not pa.types.is_null(batch.column(name).type)
    }


def _column_sums(lists: Lists) -> ColumnSums:
    sums = ColumnSums(int(np.count_nonzero(lists.lengths)), len(lists.values))
    if not pa.types.is_floating(lists.values.type):
        sums.distinct = KmvSketch(_KMV_BUCKETS)
        sums.distinct.AddValues(lists.values)
    return sums


def _labels(
    rows: int, columns: Mapping[str, Lists], asked: Asked
) -> tuple[float, float]:
    """Returns the sum of labels times weights, and of weights."""
    labels, has_label = _single(rows, columns.get(asked.label))
    weights, has_weight = np.ones(rows), np.ones(rows, bool)
    if asked.weight:
        weights, has_weight = _single(rows, columns.get(asked.weight))
    is_there = has_label & has_weight
    weights = np.where(is_there, weights, 0.0)
    return float(np.sum(labels * weights)), float(np.sum(weights))


def _single(rows: int, lists: Lists | None) -> tuple[np.ndarray, np.ndarray]:
    """Returns the number of each row, float64 [rows], and which rows have one."""
    values, is_there = np.zeros(rows), np.zeros(rows, bool)
    if lists is None or not _is_number(lists.values.type):
        return values, is_there
    is_there = lists.lengths == 1
    numbers = lists.values.to_numpy(zero_copy_only=False).astype(np.float64)
    values[is_there] = numbers[lists.offsets[:-1][is_there]]
    is_there &= np.isfinite(values)
    return np.where(is_there, values, 0.0), is_there


def _is_number(stored: pa.DataType) -> bool:
    return bool(pa.types.is_integer(stored) or pa.types.is_floating(stored))


def _times(span: str, lists: Lists | None, column: str) -> np.ndarray:
    """Returns the time of each example."""
    remedy = "Correct `data.spans.column`, or have the reader give one time."
    told = f"Span {span}: column `{shown(column)}`"
    if lists is None:
        raise BadInputError(f"{told} is in none of its examples. {remedy}")
    if len(wrong := np.flatnonzero(lists.lengths != 1)):
        count = lists.lengths[wrong[0]]
        raise BadInputError(f"{told} has {count} values in an example. {remedy}")
    try:
        check_type(column, lists.values.type)
    except FileFault as fault:
        raise BadInputError(f"Span {span}: {fault}") from fault
    times = microseconds(lists.values)
    for place, why in times.bad.items():
        raise BadInputError(f"{told} {why}: {lists.shown(place)}. {remedy}")
    return times.us
