"""How well a published model's scores fit the labels of files.

Metrics and intervals are those of `components.comparison`, of the same functions. Of
each row its label, weight and score stay in memory, 20 bytes, and for each column to
group or slice by its text and a byte for each slice; features do not.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from shardline.components.comparison.judged_split import (
    JudgedSplit,
    as_text,
    groups_of,
    joined_column,
    numbers_of,
    slices_of,
)
from shardline.components.comparison.results import slice_results
from shardline.components.contracts.spans.comparison import (
    CANDIDATE,
    Measured,
    SliceResult,
)
from shardline.components.evaluation.bootstrap import Examples as Labelled
from shardline.components.features.ids.arrow_tokens import Ragged, column_of
from shardline.components.features.reading.sources import Examples
from shardline.components.machine.cores import usable_cores
from shardline.components.readers.files import (
    BadInput,
    BadInputError,
    ReadSettings,
    Tally,
    Unit,
    read_unit,
    refuse,
    units_of,
)
from shardline.components.scorer.inputs import SPLIT
from shardline.components.scorer.model import ScoringError, ScoringModel, Version
from shardline.configs.schema import Evaluation, Features, Target
from shardline.configs.shown import escaped


@dataclasses.dataclass(frozen=True)
class Judgement:
    """What was found.

    Attributes:
        version: the model.
        rows: how many were scored.
        left_out: lines that tell of bad rows and files.
        slices: the first has all rows.
    """

    version: Version
    rows: int
    left_out: list[str]
    slices: list[SliceResult]

    @staticmethod
    def metrics(result: SliceResult) -> dict[str, Measured]:
        """Returns the metrics of a slice."""
        return result.metrics[CANDIDATE]

    def as_json(self) -> str:
        """Returns all of it as JSON."""
        slices = [
            {
                "name": result.name,
                "examples": result.examples,
                "positives": result.positives,
                "metrics": _plain(self.metrics(result)),
            }
            for result in self.slices
        ]
        document = {
            "model": self.version.folder,
            "version": self.version.number,
            "rows": self.rows,
            "left_out": self.left_out,
            "slices": slices,
        }
        return json.dumps(document, indent=2)


def judge_files(
    examples: Examples,
    features: Features,
    target: Target,
    evaluation: Evaluation,
    version: Version,
) -> Judgement:
    """Scores labelled rows and returns the metrics, with intervals, also of slices.

    Args:
        examples: the files, of one split, with label and weight; what to group and
            slice by is kept.
        features: what columns are read for.
        target: label and weight.
        evaluation: what to group and slice by, and how many resamples to draw.
        version: the model.

    Raises:
        BadInputError: if something in the files is bad and not to be skipped, or the
            model refuses a row.
        LostRowsError: if not every row was read.
        PublicationError: if the version is not there.
        ScoringError: if it reads other columns.
        ValueError: if a column to group or slice by has no value, or groups have
            several.
    """
    files = [file for source in examples.sources for file in source.files]
    cores = usable_cores()
    units = units_of(files, examples.settings, cores)
    by = {*evaluation.slices, *filter(None, [evaluation.group_by])}
    with (
        closing(ScoringModel(version, features)) as model,
        ThreadPoolExecutor(cores) as pool,
    ):
        judge = partial(_judged, model, examples.settings, target, sorted(by))
        parts = list(pool.map(judge, units))
    bad, tally = BadInput("skip", "skip"), Tally()
    for part in parts:
        bad.merge(part.bad)
        tally.merge(part.tally)
    refuse(tally, bad, {SPLIT: files}, examples.settings)
    split = _split([batch for part in parts for batch in part.batches], evaluation)
    scores = np.concatenate([b.scores for part in parts for b in part.batches])
    named = "rows of these files"
    results = slice_results(split, {CANDIDATE: scores}, evaluation.bootstrap, named)
    return Judgement(version, len(scores), bad.lines(), results)


class _Batch(NamedTuple):
    """What stays of some rows."""

    labels: np.ndarray
    weights: np.ndarray
    scores: np.ndarray
    texts: dict[str, Ragged]


class _Part(NamedTuple):
    """What a unit of work gave."""

    batches: list[_Batch]
    bad: BadInput
    tally: Tally


def _judged(
    model: ScoringModel,
    settings: ReadSettings,
    target: Target,
    by: Sequence[str],
    unit: Unit,
) -> _Part:
    bad, tally = settings.new_bad_input(), Tally()
    batches = []
    try:
        for _, batch in read_unit(unit, settings, bad, tally=tally):
            batches.append(_batch(model, target, by, batch))
    except ScoringError as error:
        raise BadInputError(f"{escaped(unit.file, keep='')}: {error}") from error
    return _Part(batches, bad, tally)


def _batch(
    model: ScoringModel, target: Target, by: Sequence[str], batch: pa.RecordBatch
) -> _Batch:
    weight = target.example_weight
    ones = np.ones(batch.num_rows)
    return _Batch(
        numbers_of(batch, target.label),
        numbers_of(batch, weight) if weight else ones,
        model.scores(batch),
        {name: as_text(column_of(batch, name)) for name in by},
    )


def _split(batches: Sequence[_Batch], evaluation: Evaluation) -> JudgedSplit:
    texts = {
        name: joined_column(name, [batch.texts[name] for batch in batches])
        for name in batches[0].texts
    }
    group_by = evaluation.group_by
    labelled = Labelled(
        np.concatenate([batch.labels for batch in batches]),
        np.concatenate([batch.weights for batch in batches]),
        groups_of(group_by, texts[group_by]) if group_by else None,
        group_by or "",
    )
    slices: dict[str, np.ndarray] = {}
    for name in evaluation.slices:
        slices |= slices_of(name, texts[name])
    return JudgedSplit((), labelled, slices, {})


def _plain(metrics: dict[str, Measured]) -> dict[str, Any]:
    return {name: measured.model_dump() for name, measured in metrics.items()}
