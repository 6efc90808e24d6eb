"""The feature step, whole: two Beam jobs with the making of the graph between them.

`analysis_job.analyze` finds the statistics and writes the vocabularies,
`transform_job.transform` applies the graph, and `preprocess` is both. A folder of
results is written beside its final place and renamed, so that what is there is whole.
"""

import contextlib
import os
import uuid
from collections.abc import Iterator, Mapping

import tensorflow as tf

from shardline.components.execution.beam_runners import Beam
from shardline.components.features.analysis_job import VOCABULARIES, Analysis, analyze
from shardline.components.features.graph.derived_graph import DERIVED
from shardline.components.features.graph.writer import write_transform_graph
from shardline.components.features.living.artifact import save_vocabularies
from shardline.components.features.living.counting import Counting
from shardline.components.features.reading.sources import Examples
from shardline.components.features.transform_job import transform
from shardline.components.features.writing.outcome import Outcome
from shardline.components.features.writing.sums import check_same
from shardline.configs.schema import Preprocessing


def preprocess(
    examples: Examples,
    preprocessing: Preprocessing,
    runner: Beam,
    *,
    graph: str,
    outputs: Mapping[str, Mapping[str, str]],
    cache: str | None = None,
    counting: Counting | None = None,
    living: str | None = None,
) -> tuple[Analysis, Outcome]:
    """Analyses one split, makes the transform graph, and transforms all splits.

    Args:
        examples: the files, of which one split is analysed.
        preprocessing: the features, numbers and tables to preprocess.
        runner: where to run.
        graph: folder to write the transform graph to.
        outputs: by format ("tfrecord", "parquet"), the folder of each split.
        cache: folder where counts of spans are kept; None keeps none.
        counting: the spans that are counted into vocabularies that live; None: they
            begin, with all spans.
        living: folder to write these vocabularies to; None writes the graph's alone.

    Raises:
        BadInputError: if something in the files is bad and not to be skipped.
        LostRowsError: if not every row that is in the files came out.
        ValueError: if a source has no file, or there is no example to analyse.
    """
    with staging_folder(graph) as staging:
        analysis = analyze(
            examples,
            preprocessing,
            runner,
            staging,
            cache=cache,
            keep_batches=True,
            counting=counting,
        )
        vocabularies = os.path.join(staging, VOCABULARIES)
        derived = os.path.join(staging, DERIVED)
        write_transform_graph(
            graph, preprocessing, analysis.statistics, vocabularies, derived
        )
        if living and counting:
            changes = analysis.statistics.living
            save_vocabularies(living, vocabularies, changes, counting)
        transformed = transform(
            examples, graph, outputs, runner, staging, staged=analysis.staged
        )
    check_same(analysis.read, transformed.files, examples.settings.split)
    return analysis, transformed


@contextlib.contextmanager
def staging_folder(beside: str) -> Iterator[str]:
    """Gives a folder beside another one, and removes it in the end."""
    folder = f"{beside.rstrip('/')}.{uuid.uuid4().hex}"
    tf.io.gfile.makedirs(folder)
    try:
        yield folder
    finally:
        _remove(folder)


def _remove(folder: str) -> None:
    if tf.io.gfile.exists(folder):
        tf.io.gfile.rmtree(folder)
