"""The feature step by itself: a folder of results that appears whole.

OUTPUT/examples/<split>/part-00000.gz      TFRecord of tf.Example
OUTPUT/parquet/<split>/part-00000.parquet  if asked for
OUTPUT/transform_graph/                    as tft.TFTransformOutput reads it
OUTPUT/report.json                         what was read, found and left out
"""

import dataclasses
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import tensorflow as tf

from shardline.components.contracts.file_record import damage_by
from shardline.components.execution.beam_engines.probe import check_engine
from shardline.components.execution.beam_engines.watch import watching
from shardline.components.execution.beam_runners import Beam
from shardline.components.features.analysis.statistics import FeatureStatistics
from shardline.components.features.graph.writer import GRAPH_FILES, SPECIFICATION
from shardline.components.features.job import preprocess, staging_folder
from shardline.components.features.reading.sources import Examples
from shardline.components.features.transform_job import transform
from shardline.components.features.writing.output_folder import (
    make_folder,
    partial_folder,
    put_in_place,
)
from shardline.components.features.writing.sums import Sums
from shardline.configs.schema import Preprocessing

GRAPH = "transform_graph"
REPORT = "report.json"
_FOLDERS = {"tfrecord": "examples", "parquet": "parquet"}


@dataclass(frozen=True)
class StandaloneReport:
    """What became of a job.

    Attributes:
        examples: the examples by split.
        left_out: lines that tell of bad examples and files.
        statistics: of the analysed examples; None where a graph was given.
        reused: spans whose counts were in the cache.
        sums: which agree.
        damaged: what was wrong with counts in the cache, which were counted again.
    """

    examples: dict[str, int]
    left_out: list[str]
    statistics: FeatureStatistics | None
    reused: tuple[str, ...]
    sums: Sums
    damaged: tuple[str, ...] = ()

    def save(self, folder: str) -> None:
        """Writes the report as JSON."""
        statistics = self.statistics.model_dump() if self.statistics else None
        document = dataclasses.asdict(self) | {"facts": statistics}
        del document["statistics"]
        text = json.dumps(document, indent=2)
        with tf.io.gfile.GFile(os.path.join(folder, REPORT), "w") as file:
            file.write(text)


def preprocess_standalone(
    examples: Examples,
    preprocessing: Preprocessing,
    runner: Beam,
    *,
    output: str,
    file_formats: Sequence[str],
    cache: str | None = None,
    graph: str | None = None,
) -> StandaloneReport:
    """Writes transformed examples, and the graph unless one is given.

    Args:
        examples: the files, of which one split is analysed.
        preprocessing: the features, numbers and tables to preprocess.
        runner: where to run.
        output: folder that must not be there yet.
        file_formats: "tfrecord", "parquet" or both.
        cache: folder where counts of spans are kept; None keeps none.
        graph: folder of a transform graph to apply instead of analysing.

    Raises:
        OutputExistsError: if there is something at `output`.
        FolderHeldError: if another process writes it.
        BadInputError: if something in the files is bad and not to be skipped.
        LostRowsError: if not every row that is in the files came out.
        BeamEngineError: if the runner's workers are not fit, or it has lost the job.
        ValueError: if there is no such format, no graph where one shall be, no folder
            can be made, `output` is no place for a graph, or there is no example to
            analyse.
    """
    if unknown := sorted(set(file_formats) - set(_FOLDERS)):
        raise ValueError(
            f"There is no format `{unknown[0]}`; use one of {', '.join(_FOLDERS)}."
        )
    if graph is not None:
        _check_graph(graph, preprocessing)
    if cache is not None:
        make_folder(cache)
    with partial_folder(output) as partial:
        if runner.is_tried_first:
            runner = watching(runner, partial)
            check_engine(runner.pipeline(), partial)
        outputs = {
            file_format: {
                s: os.path.join(partial, _FOLDERS[file_format], s)
                for s in examples.splits
            }
            for file_format in file_formats
        }
        if graph is None:
            report = _analysed(partial, examples, preprocessing, runner, outputs, cache)
        else:
            with staging_folder(os.path.join(partial, GRAPH)) as staging:
                done = transform(examples, graph, outputs, runner, staging, staged={})
            report = StandaloneReport(
                done.examples, done.bad.lines(), None, (), Sums(done.files)
            )
        put_in_place(partial, output, report.save)
    return report


def _check_graph(graph: str, preprocessing: Preprocessing) -> None:
    """Refuses a folder without a whole graph, or with that of another specification."""
    if not tf.io.gfile.exists(os.path.join(graph, SPECIFICATION)):
        raise ValueError(
            f"{graph} holds no transform graph. Name folder `{GRAPH}` of an earlier "
            "output."
        )
    if damage := damage_by(GRAPH_FILES, graph):
        raise ValueError(
            f"{graph} is not whole: {damage}. Name another one, or leave the graph out "
            "to make it anew."
        )
    with tf.io.gfile.GFile(os.path.join(graph, SPECIFICATION)) as file:
        made_for = Preprocessing.model_validate_json(file.read())
    differing = [
        key
        for key in Preprocessing.model_fields
        if getattr(made_for, key) != getattr(preprocessing, key)
    ]
    if differing:
        raise ValueError(
            f"{graph} was made for another specification, whose "
            f"{', '.join(differing)} differ (it is in {SPECIFICATION} there). Use that "
            "one, or leave the graph out."
        )


def _analysed(
    folder: str,
    examples: Examples,
    preprocessing: Preprocessing,
    runner: Beam,
    outputs: Mapping[str, Mapping[str, str]],
    cache: str | None,
) -> StandaloneReport:
    analysis, done = preprocess(
        examples,
        preprocessing,
        runner,
        graph=os.path.join(folder, GRAPH),
        outputs=outputs,
        cache=cache,
    )
    return StandaloneReport(
        done.examples,
        done.bad.lines(),
        analysis.statistics,
        analysis.reused,
        Sums(done.files, analysis.statistics.examples, analysis.values),
        analysis.damaged,
    )
