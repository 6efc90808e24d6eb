"""What a reader promises whose data comes in spans, beside `example_reader`.

This module reads no data and, at run time, imports neither TensorFlow nor Beam.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

if TYPE_CHECKING:
    import apache_beam as beam
    import tensorflow as tf
    from apache_beam.pvalue import PCollection


class FoundSpan(NamedTuple):
    """A version of a span that is there.

    Attributes:
        span: its name: a number, or a date as ISO 8601 has it, such as 2026-11-30,
            2026-11, 2026-W48 or 2026-11-30T13.
        version: from 1 on.
        digest: changes when its raw data does.
    """

    span: str
    version: int
    digest: str


@runtime_checkable
class SpanReader(Protocol):
    """Turns a path into spans of examples."""

    def spans(self, path: str) -> list[FoundSpan]:
        """Returns all versions of all spans that are there, without Beam.

        Args:
            path: where the raw data lies.

        Raises:
            BadInputError: if a name is no span, or two spans overlap.
        """

    def span_examples(
        self, root: beam.Pipeline, path: str, spans: Sequence[FoundSpan]
    ) -> dict[FoundSpan, PCollection[tf.train.Example | bytes]]:
        """Adds the reading of some spans to a pipeline; nothing else is read.

        Args:
            root: the pipeline.
            path: where the raw data lies.
            spans: of `spans`.

        Returns:
            The examples of each span; serialized ones may be among them.
        """
