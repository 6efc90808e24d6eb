"""Beam pipelines that lose what a step gives, as no runner should."""

from collections.abc import Callable
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.transforms import ptransform

from shardline.components.execution.in_memory_beam import IN_MEMORY_RUNNER


class LosingPipeline(beam.Pipeline):
    """Runs in memory, and loses elements of one step without a word."""

    def __init__(self, step: str, keeps: Callable[[Any], bool] = lambda _: False):
        """Sets what to lose.

        Args:
            step: label of the step.
            keeps: tells of an element whether it is kept.
        """
        super().__init__(options=PipelineOptions([f"--runner={IN_MEMORY_RUNNER}"]))
        self._step = step
        self._keeps = keeps
        self.has_lost = False

    def apply(self, transform: Any, pvalueish: Any = None, label: Any = None) -> Any:
        """Adds a step, and the loss behind the one that loses."""
        given = super().apply(transform, pvalueish, label)
        # Beam calls this again for the same step until it has its label.
        is_last = not label and not isinstance(transform, ptransform._NamedPTransform)
        if not is_last or transform.label != self._step:
            return given
        self.has_lost = True
        return given | f"Lose of {self._step}" >> beam.Filter(self._keeps)
