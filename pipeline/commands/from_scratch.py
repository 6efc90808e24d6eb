"""Trains a run's model from nothing, on all spans that a living model has learnt.

The transformed examples of all runs hold the ids of one vocabulary as long as no token
goes: each stays in its row. So they are trained on together, by the trainer's parts.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import tensorflow_transform as tft
from tfx.types import standard_artifacts

from shardline.components.model.engine_config import table_rows
from shardline.components.trainer.inputs import BatchReader, split_files
from shardline.components.trainer.learner import new_learner
from shardline.components.trainer.loop import train_on_split
from shardline.components.trainer.training_sets import TrainingSets
from shardline.configs.schema import Run
from shardline.pipeline.commands.span_results import METRICS, SpanResult


def train_from_scratch(
    run: Run, results: Sequence[SpanResult]
) -> tuple[dict[str, float], int]:
    """Trains as the newest of some runs would have, had there been none before.

    Args:
        run: the configuration: epochs, seed, and all else are the same.
        results: of the runs until then, oldest first; trained on are their spans,
            judged on is what the last was.

    Returns:
        The metrics by name, and how many steps it took.
    """
    graph = tft.TFTransformOutput(results[-1].base.transform_graph)
    rows = table_rows(run.feature_set, graph)
    reader = BatchReader(
        graph.transformed_feature_spec(),
        run.feature_set,
        run.data.target,
        run.training.batch_size,
    )
    examples = [
        result.examples.for_tfx(standard_artifacts.Examples) for result in results
    ]

    def files(split: str) -> list[str]:
        of = examples if split == "train" else examples[-1:]
        return split_files(of, split)

    learner = new_learner(run.feature_set, rows, run.model, run.training)
    with tempfile.TemporaryDirectory() as folder:
        with TrainingSets(Path(folder), learner, run.training.checkpoint, {}) as sets:
            train_on_split(learner, reader, files, run.training, sets)
    values = learner.evaluate(reader.evaluation_batches(files("eval"))).values
    return {name: values[name] for name in METRICS}, int(learner.step)
