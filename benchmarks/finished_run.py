"""The transformed examples of a finished run, as batches and as sparse matrices."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse
import tensorflow as tf
import tensorflow_transform as tft
from tfx.types import standard_artifacts

from shardline.components.model.engine_config import table_rows
from shardline.components.trainer.inputs import Batch, BatchReader, split_files
from shardline.configs.schema import Feature, Run
from shardline.pipeline.metadata.records import RecordedArtifact, executions_of
from shardline.pipeline.metadata.store import sqlite_connection
from shardline.pipeline.names import pipeline_name
from shardline.pipeline.run_folder import RunFolder

_BIG_BATCH = 4096


class NoFinishedRunError(RuntimeError):
    """The output folder holds no run of this configuration."""


class Split(NamedTuple):
    """A split as numbers.

    Attributes:
        inputs: by feature, sparse float32 [examples, rows of the feature's table].
        labels: float64 [examples].
    """

    inputs: Mapping[str, scipy.sparse.csr_matrix]
    labels: np.ndarray


class FinishedRun:
    """The transformed examples of a finished run, to train and evaluate on."""

    def __init__(self, run: Run, output_dir: Path):
        """Finds the newest.

        Args:
            run: the configuration.
            output_dir: outputs of a run of it; other model and training settings are
                fine.

        Raises:
            NoFinishedRunError: if there is no such run.
        """
        outputs = _transform_outputs(run, output_dir)
        self.run = run
        self.graph = tft.TFTransformOutput(outputs["transform_graph"].uri)
        self.rows = table_rows(run.feature_set, self.graph)
        self.reader = self._reader_of(run.training.batch_size)
        self._examples = outputs["transformed_examples"].for_tfx(
            standard_artifacts.Examples
        )

    def files(self, split: str) -> list[str]:
        """Returns the record files of a split."""
        return split_files([self._examples], split)

    def batches(self, split: str) -> tf.data.Dataset:
        """Returns every example of a split once, the last batch filled up."""
        return self.reader.evaluation_batches(self.files(split))

    def split(self, name: str) -> Split:
        """Returns a split as numbers."""
        reader = self._reader_of(_BIG_BATCH)
        batches = list(reader.evaluation_batches(self.files(name)))
        is_example = np.concatenate([batch.is_example.numpy() for batch in batches]) > 0
        inputs = {
            key: _matrix(batches, key, feature, self.rows[feature.table])[is_example]
            for key, feature in self.run.features.items()
        }
        labels = np.concatenate([batch.labels.numpy() for batch in batches])
        return Split(inputs, labels[is_example].astype(np.float64))

    def _reader_of(self, batch_size: int) -> BatchReader:
        run = self.run
        spec = self.graph.transformed_feature_spec()
        return BatchReader(spec, run.feature_set, run.data.target, batch_size)


def _transform_outputs(run: Run, output_dir: Path) -> Mapping[str, RecordedArtifact]:
    """Returns the newest fitting FeatureTransform's output artifacts by name."""
    path = RunFolder(output_dir).metadata
    if not path.exists():
        raise NoFinishedRunError(_no_run(output_dir, f"{path.name} is not there"))
    executions = executions_of(
        sqlite_connection(path), pipeline_name(run.name), "FeatureTransform"
    )
    ended = [execution for execution in executions if execution.has_ended]
    if not ended:
        raise NoFinishedRunError(
            _no_run(output_dir, f"no run of `{run.name}` got so far")
        )
    expected = run.feature_set.preprocessing(run.data.target).as_parameter()
    fitting = [one for one in ended if one.parameters["preprocessing"] == expected]
    if not fitting:
        raise NoFinishedRunError(
            _no_run(output_dir, "features or vocabularies have changed since")
        )
    return fitting[-1].outputs


def _no_run(output_dir: Path, reason: str) -> str:
    return (
        f"{output_dir} holds no finished run of this configuration: {reason}. Make one "
        f"first: shardline run CONFIG --output-dir {output_dir}"
    )


def _matrix(
    batches: Sequence[Batch], name: str, feature: Feature, rows: int
) -> scipy.sparse.csr_matrix:
    """Returns a feature's coefficients on its table's rows, as the model pools them."""
    ids = [_rows_of(batch.ids[name]) for batch in batches]
    lengths = np.concatenate([batch_ids.row_lengths() for batch_ids in ids])
    columns = np.concatenate([batch_ids.values for batch_ids in ids])
    weights = np.ones(len(columns), np.float32)
    if feature.weights:
        weights = np.concatenate([b.weights[name].values for b in batches])
    starts = np.concatenate([[0], np.cumsum(lengths)])
    matrix = scipy.sparse.csr_matrix((weights, columns, starts), (len(lengths), rows))
    # A DLRM takes the mean of a sequence.
    combiner = "mean" if feature.max_sequence_length else feature.combiner
    if combiner == "mean":
        sums = matrix.sum(axis=1)
    elif combiner == "sqrtn":
        sums = np.sqrt(matrix.power(2).sum(axis=1))
    else:
        return matrix
    return scipy.sparse.csr_matrix(matrix.multiply(1 / np.maximum(sums, 1e-9)))


def _rows_of(ids: Any) -> tf.RaggedTensor:
    """Returns ids of any kind as ragged."""
    if isinstance(ids, tf.RaggedTensor):
        return ids
    if isinstance(ids, tf.SparseTensor):
        return tf.RaggedTensor.from_sparse(ids)
    return tf.RaggedTensor.from_tensor(ids[:, None])
