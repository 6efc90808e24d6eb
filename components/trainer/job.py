"""One training, from its inputs to what it leaves: done again after the loss of a host.

All that lies on hosts is made in `Job.train`, and nothing of it is kept.
"""

import dataclasses
import functools
import logging
from collections.abc import Mapping
from typing import Any

import tensorflow as tf
import tensorflow_transform as tft
from tfx.types import Artifact
from tfx.utils import io_utils

from shardline.components.contracts.checkpoint_manifest import (
    CheckpointManifest,
    checkpoint_prefix,
)
from shardline.components.contracts.data_card import recorded_count
from shardline.components.contracts.parity_examples import parity_folder
from shardline.components.evaluation.binary import Judged
from shardline.components.features.graph.transform_graph import TransformGraph
from shardline.components.trainer.dense_start import dense_variables
from shardline.components.trainer.event_files import drop_all, keep_until
from shardline.components.trainer.inputs import (
    BatchReader,
    check_count,
    records,
    split_files,
)
from shardline.components.trainer.labels import log_undefined
from shardline.components.trainer.learner import Learner, new_learner
from shardline.components.trainer.loop import save, train_on_split
from shardline.components.trainer.parity import ParityWriter
from shardline.components.trainer.placement.placement import Attempt, Placement
from shardline.components.trainer.span_inputs import SpanInputs
from shardline.components.trainer.training_sets import TrainingSets, open_sets
from shardline.components.trainer.work_folder import WorkFolder
from shardline.configs.schema import FeatureSet, Model, Target, Training

_log = logging.getLogger("shardline.trainer")


@dataclasses.dataclass(frozen=True)
class Job:
    """What is trained, on what, and where the results go.

    Attributes:
        feature_set: the id features, numbers and tables.
        target: what to predict, and how much each example counts.
        model: the dense model.
        training: how long, how fast, and how it is carried out.
        transform_output: of the graph that made the examples.
        rows: rows of each table.
        examples: transformed examples.
        raw_examples: the examples before.
        parity_examples: how many of them to score.
        spans: what it is given where data comes in spans.
        lineage: digests of what the training depends on.
    """

    feature_set: FeatureSet
    target: Target
    model: Model
    training: Training
    transform_output: tft.TFTransformOutput
    rows: Mapping[str, int]
    examples: list[Artifact]
    raw_examples: list[Artifact]
    parity_examples: int
    spans: SpanInputs
    lineage: Mapping[str, str]

    def train(
        self,
        placement: Placement,
        work: WorkFolder,
        folder: str,
        logs: str,
        attempt: Attempt,
    ) -> CheckpointManifest:
        """Trains to the end, from the newest checkpoint set on, and writes all results.

        Args:
            placement: where it runs.
            work: what training needs to go on after a kill.
            folder: of the checkpoint, which hosts can write.
            logs: folder of TensorBoard's files.
            attempt: is told how far it comes.

        Returns:
            What was trained, as it is written beside the checkpoint.

        Raises:
            ValueError: as of `Executor.Do`.
            HostLostError: if a host is lost.
        """
        learner, sets = open_sets(
            work.path,
            functools.partial(
                placement.run,
                new_learner,
                self.feature_set,
                self.rows,
                self.model,
                self.training,
                placement,
            ),
            self.training.checkpoint,
            self.lineage,
            attempt,
        )
        with sets:
            return self._trained(learner, sets, work, folder, logs)

    def _trained(
        self,
        learner: Learner,
        sets: TrainingSets,
        work: WorkFolder,
        folder: str,
        logs: str,
    ) -> CheckpointManifest:
        reader = self._reader(learner)
        files = functools.partial(split_files, self.examples)
        log_undefined(reader, files("eval"))
        beginning = self.spans.begin(
            learner,
            self.feature_set,
            self.transform_output,
            self.rows,
            folder=folder,
            is_begun=sets.begun_from is not None,
        )
        keep_until(work.events, int(learner.step))
        with tf.summary.create_file_writer(str(work.events)).as_default():
            recorded = recorded_count(self.examples, "train")
            train_on_split(
                learner,
                reader,
                files,
                self.training,
                sets,
                recorded,
                beginning.step,
            )
        save(learner, checkpoint_prefix(folder))
        io_utils.copy_dir(str(work.events), f"{logs}/train")
        self._check_counts(reader)
        drop_all(f"{logs}/eval")
        with tf.summary.create_file_writer(f"{logs}/eval").as_default():
            judged = _evaluate(learner, reader, files("eval"))
        self._write_parity(learner, folder)
        manifest = CheckpointManifest(
            steps=int(learner.step),
            hosts=len(learner.engine.hosts),
            rows=dict(self.rows),
            feature_set=self.feature_set,
            model=self.model,
            metrics=judged.values,
            undefined=judged.undefined,
            spans=self.spans.learnt,
            vocabularies=beginning.vocabularies,
            dense=tuple(dense_variables(learner)),
            warm_start=beginning.facts,
            **self.target.model_dump(),
        )
        manifest.save(folder)
        return manifest

    def _reader(self, learner: Learner) -> BatchReader:
        spec: dict[str, Any] = self.transform_output.transformed_feature_spec()
        return BatchReader(
            spec,
            self.feature_set,
            self.target,
            self.training.batch_size,
            distribute=learner.distribute,
        )

    def _check_counts(self, reader: BatchReader) -> None:
        """Checks the splits that judge: they hold as many examples as were written."""
        early_stop = self.training.early_stop
        stop = [early_stop.split] if early_stop else []
        for split in sorted({"eval", *stop} - {"train"}):
            counted = reader.count(split_files(self.examples, split))
            check_count(split, counted, recorded_count(self.examples, split))

    def _write_parity(self, learner: Learner, folder: str) -> None:
        raw = records(split_files(self.raw_examples, "eval"))
        writer = ParityWriter(
            learner,
            TransformGraph(self.transform_output, self.feature_set),
            self.feature_set,
            self.training.batch_size,
        )
        examples = raw.take(self.parity_examples)
        writer.write(examples, self.rows, parity_folder(folder))


def _evaluate(learner: Learner, reader: BatchReader, files: list[str]) -> Judged:
    judged = learner.evaluate(reader.evaluation_batches(files))
    step = int(learner.step)
    for name, value in judged.values.items():
        tf.summary.scalar(name, value, step)
    if judged.values:
        _log.info("evaluation: %s", judged)
    if judged.auc_error:
        _log.info("auc may be off by %.1g: there are many scores", judged.auc_error)
    for line in judged.undefined_lines:
        tf.summary.text("undefined", line, step)
        _log.warning("evaluation: %s", line)
    return judged
