"""Lets a component that reads raw data leave out what was erased.

Its parameter is the JSON of a ReadErasure; whether something was erased is looked up
when it runs. It is no part of the key of TFX's cache: what is there was rewritten.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import apache_beam as beam
from apache_beam.pvalue import PCollection, TaggedOutput

from shardline.components.contracts.erasures.columns import (
    ErasableColumn,
    erasable_columns,
    read_columns,
)
from shardline.components.contracts.erasures.examples import Erasure
from shardline.components.contracts.erasures.tombstones import load_tombstones
from shardline.configs.features import Features
from shardline.configs.outputs import SERVING_FOLDER
from shardline.configs.section import Section

_DROPPED, _VALUES = "dropped", "values"


class ReadErasure(Section):
    """Where to look what was erased, and where in examples it would be.

    Attributes:
        serving_dir: the folder that models are published to; "" for that of the run
            folder, whose path is in no cache key, so that it may be moved.
        columns: the raw columns that hold tokens.
        read: all raw columns that the run reads.
    """

    serving_dir: str
    columns: dict[str, ErasableColumn]
    read: tuple[str, ...]

    def now(self, output_uri: str) -> Erasure | None:
        """Returns what is to be left out; None if nothing ever was erased.

        Args:
            output_uri: of an output of the component that asks.

        Raises:
            TombstonesError: if what was erased cannot be told.
        """
        serving_dir = self.serving_dir or _serving_beside(output_uri)
        tombstones = load_tombstones(serving_dir)
        return tombstones.erasure(self.columns, self.read) if tombstones else None


def read_erasure(
    features: Features, serving_dir: str, *others: str | None
) -> ReadErasure:
    """Returns what a component that reads raw data is given.

    Args:
        features: the id features, numbers and derived columns.
        serving_dir: the folder that models are published to; "" for that of the run
            folder.
        others: raw columns that something else reads, such as the label.
    """
    return ReadErasure(
        serving_dir=serving_dir,
        columns=erasable_columns(features),
        read=tuple(sorted(read_columns(features, *others))),
    )


def _serving_beside(output_uri: str) -> str:
    """Returns where the run folder publishes that has an output of a component."""
    # ROOT/artifacts/COMPONENT/OUTPUT/NUMBER
    return str(Path(output_uri).parents[3] / SERVING_FOLDER)


class LeftOver(NamedTuple):
    """What became of examples.

    Attributes:
        kept: serialized examples, in which nothing erased is left.
        dropped: a 1 for each example that was dropped.
        values: how many values were removed, for each example that lost some.
    """

    kept: PCollection[bytes]
    dropped: PCollection[int]
    values: PCollection[int]


def left_over(examples: Any, erasure: Erasure, label: str) -> LeftOver:
    """Leaves out what was erased.

    Args:
        examples: serialized examples.
        erasure: what was erased.
        label: tells this step from others of the pipeline.
    """
    outputs = examples | f"Erase[{label}]" >> beam.ParDo(_Erase(erasure)).with_outputs(
        _DROPPED, _VALUES, main="kept"
    )
    return LeftOver(outputs["kept"], outputs[_DROPPED], outputs[_VALUES])


class _Erase(beam.DoFn):
    """Passes on what is left of each example."""

    def __init__(self, erasure: Erasure):
        self._erasure = erasure

    def process(self, serialized: bytes) -> Iterator[Any]:
        left = self._erasure.left_of(serialized)
        if left.serialized is None:
            yield TaggedOutput(_DROPPED, 1)
            return
        yield left.serialized
        if left.values:
            yield TaggedOutput(_VALUES, left.values)
