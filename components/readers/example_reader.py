"""What a reader of raw data promises the rest of the project.

A reader is a class that a run's configuration names by import path. It says which
columns every example holds, and turns a path into splits of `tf.train.Example`,
serialized or not.
This module owns that promise and nothing else: it reads no data and, at run time,
imports neither TensorFlow nor Beam.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from shardline.configs.column import Column

if TYPE_CHECKING:
    import apache_beam as beam
    import tensorflow as tf
    from apache_beam.pvalue import PCollection


__all__ = ["Column", "ExampleReader", "TellsWhyEmpty"]


class ExampleReader(Protocol):
    """Turns a path into examples, one Beam collection a split.

    A reader is constructed from its options, given as keywords, and raises
    ValueError for an option it cannot work with.
    """

    @property
    def columns(self) -> Mapping[str, Column]:
        """What every example holds, by column name."""

    @property
    def splits(self) -> Sequence[str]:
        """Names of the splits that `examples` gives."""

    def examples(
        self, root: beam.Pipeline, path: str
    ) -> dict[str, PCollection[tf.train.Example | bytes]]:
        """Adds the reading of `path` to a pipeline.

        Args:
            root: the pipeline, or a transform's view of it, to read in.
            path: where the raw data lies.

        Returns:
            The examples of each split, by split name; serialized ones may be among
            them.
        """


@runtime_checkable
class TellsWhyEmpty(Protocol):
    """A reader that can tell why a split came out empty; it need not."""

    def why_empty(self, path: str, split: str) -> str:
        """Returns why, and what to do about it, in sentences.

        Args:
            path: where the raw data lies.
            split: the split that got no example.
        """
