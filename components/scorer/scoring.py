"""The Beam job of scoring: units of work in, a file of scores for each out.

A file is written under a name of its own and then takes its final name, so that a unit
which a runner does twice leaves one.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterator
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np
from apache_beam.pvalue import PCollection
from apache_beam.utils import shared

from shardline.components.execution.worker_reports import WriteReports
from shardline.components.features.writing.example_files import Writer, new_writer
from shardline.components.features.writing.outcome import part_name
from shardline.components.readers.files import (
    BadInput,
    BadInputError,
    ReadSettings,
    Tally,
    Unit,
    read_unit,
)
from shardline.components.scorer.model import ScoringError, ScoringModel, Version
from shardline.components.scorer.score_rows import encoding, score_rows
from shardline.configs.schema import FeatureSet
from shardline.configs.shown import escaped


class NumberedUnit(NamedTuple):
    """A unit of work, and its number among all."""

    number: int
    unit: Unit


@dataclasses.dataclass(frozen=True)
class Plan:
    """What workers do; picklable.

    Attributes:
        version: the model.
        features: what columns are read for.
        settings: how files are read.
        kept: the columns to write beside the score.
        file_format: "parquet" or "tfrecord".
        folder: of the files.
    """

    version: Version
    features: FeatureSet
    settings: ReadSettings
    kept: tuple[str, ...]
    file_format: str
    folder: str


class Score(beam.PTransform[Any, Any]):
    """Units of work to files of scores, and one report."""

    def __init__(self, plan: Plan, report: str):
        """Sets what to do.

        Args:
            plan: what workers do.
            report: file for what became of each unit of work.
        """
        super().__init__()
        self._plan = plan
        self._report = report

    def expand(self, units: PCollection[NumberedUnit]) -> PCollection[None]:
        """Returns nothing that matters; the report is written last."""
        written: PCollection[None] = (
            units
            | "ScoreUnit" >> beam.ParDo(_ScoreUnit(self._plan))
            | "WriteReport" >> WriteReports(self._report)
        )
        return written


class _ScoreUnit(beam.DoFn):
    """Reads, scores and writes one unit of work, with one model in each process."""

    def __init__(self, plan: Plan):
        self._plan = plan
        self._shared = shared.Shared()

    def setup(self) -> None:
        plan = self._plan
        self._model = self._shared.acquire(
            lambda: ScoringModel(plan.version, plan.features)
        )

    def process(self, element: NumberedUnit) -> Iterator[str]:
        plan = self._plan
        bad, tally = plan.settings.new_bad_input(), Tally()
        done = _Done()
        failure = ""
        try:
            self._write(element, bad, tally, done)
        except BadInputError as error:
            failure = str(error)
        except ScoringError as error:
            failure = f"{escaped(element.unit.file, keep='')}: {error}"
        except BaseException:
            done.discard()
            raise
        if failure:
            done.discard()
        rows = {plan.settings.split: done.rows} if done.rows else {}
        yield json.dumps(
            {
                "number": element.number,
                "examples": rows,
                "tally": dataclasses.asdict(tally),
                "bad": dataclasses.asdict(bad),
                "failure": failure,
                "not_finite": done.not_finite,
            }
        )

    def _write(
        self, element: NumberedUnit, bad: BadInput, tally: Tally, done: _Done
    ) -> None:
        plan = self._plan
        path = os.path.join(plan.folder, part_name(element.number))
        for _, batch in read_unit(element.unit, plan.settings, bad, tally=tally):
            scores = self._model.scores(batch)
            if done.writer is None:
                done.writer = new_writer(plan.file_format, path, encoding())
            done.writer.write(score_rows(batch, plan.kept, scores, plan.file_format))
            done.rows += batch.num_rows
            done.not_finite += int(np.count_nonzero(~np.isfinite(scores)))
        if done.writer is not None:
            done.writer.finish()


@dataclasses.dataclass
class _Done:
    """What was written of a unit so far."""

    writer: Writer | None = None
    rows: int = 0
    not_finite: int = 0

    def discard(self) -> None:
        if self.writer is not None:
            self.writer.discard()
