"""The plan of tables and features, read from JSON as far as it is needed here.

`shardline plan --json` writes it, with more than is read. It may also be typed, for
tables of which there are no data yet.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import ConfigDict, Field, ValidationError

from shardline.configs.section import Fraction, PositiveFloat, PositiveInt, Section

FLOAT_BYTES = 4
_REMEDY = "Write one with `shardline plan CONFIG --json FILE`, or as docs/scale.md says"


class ScaleError(ValueError):
    """A plan, or costs, from which nothing can be worked out; all faults are named."""


class _Part(Section):
    """A part of a plan, of which more may be written."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class PlannedTable(_Part):
    """A table.

    Attributes:
        dim: floats of a row.
        rows: how many it has.
        total_bytes: of its rows and their slots, float32.
        vocabulary: tokens of its vocabulary, None if ids are made without one.
        frequencies: (rank, lookups) of some ids, from rank 1 to that of the rarest; in
            between, logarithms are interpolated. Only their ratios matter.
    """

    dim: PositiveInt
    rows: PositiveInt
    total_bytes: PositiveInt
    vocabulary: PositiveInt | None = None
    frequencies: Annotated[list[tuple[PositiveInt, PositiveInt]], Field(min_length=1)]

    @property
    def row_bytes(self) -> int:
        """The bytes of a row, without slots."""
        return self.dim * FLOAT_BYTES

    @property
    def row_bytes_with_slots(self) -> float:
        """The bytes of a row and its slots."""
        return self.total_bytes / self.rows


class PlannedFeature(_Part):
    """A feature.

    Attributes:
        table: the table that it looks up.
        mean: ids a row, on average.
        cut_off: the share of ids that `max_sequence_length` cuts off.
        max_sequence_length: if it is a sequence, how many activations a row has; None:
            it is pooled, and has one.
    """

    table: str
    mean: PositiveFloat
    cut_off: Fraction = 0.0
    max_sequence_length: PositiveInt | None = None

    @property
    def ids(self) -> float:
        """The ids of a row that are looked up, on average."""
        return self.mean * (1 - self.cut_off)


class Planned(_Part):
    """Tables and features.

    Attributes:
        name: of the plan.
        hosts: over which rows are split.
        batch_size: examples in a step.
        tables: by name, at least one.
        features: by name, at least one.
    """

    name: str
    hosts: PositiveInt
    batch_size: PositiveInt
    tables: Annotated[dict[str, PlannedTable], Field(min_length=1)]
    features: Annotated[dict[str, PlannedFeature], Field(min_length=1)]


def load_plan(path: Path) -> Planned:
    """Returns the plan that a file holds.

    Raises:
        ScaleError: if there is no such file, or no plan in it that can be.
    """
    try:
        plan = Planned.model_validate_json(path.read_bytes())
    except OSError as error:
        reason = error.strerror or str(error)
        raise ScaleError(f"{path}: there is no plan to read ({reason}).") from None
    except ValidationError as error:
        faults = list(faults_in_words(error))
    else:
        faults = list(_impossible(plan))
    if faults:
        raise ScaleError(f"{path} is no plan:\n  " + "\n  ".join([*faults, _REMEDY]))
    return plan


def faults_in_words(error: ValidationError) -> Iterator[str]:
    """Yields what is wrong with a file of JSON, where, and what was expected."""
    for fault in error.errors(include_url=False):
        where = ".".join(map(str, fault["loc"])) or "the file"
        came = "" if fault["type"] == "missing" else f", got {fault['input']!r:.60}"
        yield f"{where}: {fault['msg']}{came}"


def _impossible(plan: Planned) -> Iterator[str]:
    """Yields the numbers that do not go together."""
    for name, feature in plan.features.items():
        if feature.table not in plan.tables:
            known = ", ".join(sorted(plan.tables))
            yield (
                f"features.{name}.table: no table {feature.table!r}, there are {known}"
            )
    for name, table in plan.tables.items():
        row_bytes = table.rows * table.row_bytes
        if table.total_bytes < row_bytes or table.total_bytes % row_bytes:
            yield (
                f"tables.{name}.total_bytes: rows of {table.dim} floats take "
                f"{row_bytes} bytes, and with slots a multiple of that, got "
                f"{table.total_bytes}"
            )
        if fault := _fault_of_curve(table.frequencies):
            yield f"tables.{name}.frequencies: {fault}"


def _fault_of_curve(frequencies: list[tuple[int, int]]) -> str | None:
    if frequencies[0][0] != 1:
        return f"the first rank is 1, got {frequencies[0][0]}"
    for (rank, lookups), (next_rank, next_lookups) in itertools.pairwise(frequencies):
        if next_rank <= rank or next_lookups > lookups:
            return (
                f"ranks rise and lookups do not, got {[rank, lookups]} before "
                f"{[next_rank, next_lookups]}"
            )
    return None
