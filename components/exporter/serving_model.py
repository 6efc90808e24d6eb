"""The served model: transform graph, CPU tables and dense model, in stock ops.

The graph does not depend on how many rows tables have, so it is traced with none; the
rows go from the checkpoint's files to the model's, and are never all in memory.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import keras
import tensorflow as tf
import tensorflow_transform as tft
from tensorflow.core.protobuf.fingerprint_pb2 import FingerprintDef
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

# The fingerprint covers the variables' index, which is written after TensorFlow's own.
from tensorflow.python.saved_model.fingerprinting_utils import write_fingerprint

from shardline.components.contracts.checkpoint_manifest import (
    CheckpointManifest,
    checkpoint_prefix,
    load_manifest,
)
from shardline.components.contracts.model_folder import FINGERPRINT_FILE, GRAPH_FILE
from shardline.components.execution.import_path import construct
from shardline.components.exporter.signatures import (
    columns_signature,
    lookup_signature,
    missing_values,
)
from shardline.components.exporter.table_files import TableRows, write_tables
from shardline.components.features.graph.transform_graph import TransformGraph
from shardline.components.model.dense_variables import plain_variables
from shardline.components.model.engine_config import engine_config, table_policies
from shardline.components.model.engine_inputs import (
    model_arguments,
    number_inputs,
    ragged_inputs,
)
from shardline.configs.schema import FeatureSet, Precision
from shardline.embedding import serving_embedding_lookup
from shardline.embedding.serving.tables import ServingTable
from shardline.embedding.tables import partition


class ServingModel(tf.Module):
    """Answers raw examples with scores, and ids with rows."""

    def __init__(
        self,
        checkpoint_folder: str,
        transform_output: tft.TFTransformOutput,
        precisions: Mapping[str, Precision] = MappingProxyType({}),
    ):
        """Restores the dense model of a checkpoint; tables stay without rows.

        Args:
            checkpoint_folder: of a HostShardedCheckpoint, of any number of hosts.
            transform_output: what the Transform component wrote.
            precisions: how tables are held, by name; float32 if not named.

        Raises:
            ValueError: if the dense model cannot be built.
        """
        super().__init__()
        manifest = load_manifest(checkpoint_folder)
        self._checkpoint = checkpoint_prefix(checkpoint_folder)
        self._feature_set = manifest.feature_set
        self.transform = TransformGraph(transform_output, manifest.feature_set)
        model = _dense_model(manifest)
        self.dense_variables = plain_variables(model)
        status = tf.train.Checkpoint(model=self.dense_variables).read(self._checkpoint)
        status.expect_partial().assert_existing_objects_matched()
        self.table_rows = tuple(
            TableRows(
                name, manifest.rows[name], table.dim, precisions.get(name, "float32")
            )
            for name, table in sorted(manifest.feature_set.tables.items())
        )
        self.tables = {
            table.name: ServingTable(
                table.dim,
                partition.first_rows(table.rows, manifest.hosts),
                table.precision,
            )
            for table in self.table_rows
        }
        # Functions, for what is an attribute is saved with the model.
        self._lookup = _lookup_function(self.tables, manifest)
        self._score = _score_function(model)

    def save(self, folder: str) -> None:
        """Writes the SavedModel with its signatures, and where its rows lie.

        `serving_default` takes `examples`, serialized tf.Examples: string [batch].
        `columns` takes the raw columns, each of its own type: `<column>` [batch], or
        for a ragged one `<column>_values` [n] and `<column>_row_splits` int64
        [batch + 1], in the names that `configs.columns.model_inputs` gives. What stands
        for a missing value is in the signature's defaults, for each input that may lack
        values. Both return `scores` float32 [batch], how likely the label is.

        `lookup` takes ids of rows: `<feature>` int64 [batch], or where an example may
        have any number `<feature>_values` int64 [n] and `<feature>_row_splits` int64
        [batch + 1], with `<feature>_weights` float32 [n] if they have weights. It
        returns the activations, `<feature>` float32 [batch, dim] or, for a sequence,
        [batch, max_sequence_length, dim]; each feature has a batch size of its own.

        Args:
            folder: made anew.

        Raises:
            ValueError: if the checkpoint holds a table of another shape than its
                manifest says, or rows that their precision cannot hold.
        """
        columns, input_names = self.transform.columns, self._feature_set.inputs
        tf.saved_model.save(
            self,
            folder,
            signatures={
                "serving_default": self._examples_signature(),
                "columns": columns_signature(columns, input_names, self._scores),
                "lookup": lookup_signature(self._feature_set, self._lookup),
            },
        )
        _write_defaults(folder, "columns", missing_values(columns, input_names))
        write_tables(folder, self._checkpoint, self.table_rows)
        write_model_fingerprint(folder)

    def _scores(self, columns: dict[str, Any]) -> dict[str, tf.Tensor]:
        transformed = self.transform(columns)
        ids, weights = ragged_inputs(transformed, self._feature_set)
        numbers = number_inputs(transformed, self._feature_set)
        return {"scores": self._score(self._lookup(ids, weights), numbers)}

    def _examples_signature(self) -> Any:
        @tf.function(
            input_signature=[tf.TensorSpec([None], tf.string, name="examples")]
        )
        def serve_examples(examples: tf.Tensor) -> dict[str, tf.Tensor]:
            return self._scores(self.transform.parse(examples))

        return serve_examples


def _lookup_function(
    tables: Mapping[str, ServingTable], manifest: CheckpointManifest
) -> Callable[[Any, Any], dict[str, tf.Tensor]]:
    """Returns what maps ids and weights, by feature, to activations."""
    feature_config = engine_config(manifest.feature_set, manifest.rows, trainable=False)
    by_config = {
        feature.table: tables[feature.table.name] for feature in feature_config.values()
    }
    policies = table_policies(manifest.feature_set)

    def lookup(ids: Any, weights: Any) -> dict[str, tf.Tensor]:
        activations: dict[str, tf.Tensor] = serving_embedding_lookup(
            ids,
            weights,
            by_config,
            feature_config,
            policies,
            # Ids come from the transform graph, or from a signature that checks.
            row_splits_known=True,
        )
        return activations

    return lookup


def _score_function(model: keras.Model) -> Callable[[Any, Any], tf.Tensor]:
    """Returns what maps activations and numbers to scores: float32 [batch]."""

    def score(activations: Any, numbers: Any) -> tf.Tensor:
        arguments = model_arguments(activations, numbers)
        return tf.sigmoid(model(*arguments, training=False))

    return score


def _write_defaults(
    folder: str, signature: str, values: Mapping[str, bytes | int | float]
) -> None:
    """Adds defaults of inputs, one value each, to a signature of a SavedModel."""
    path = Path(folder, GRAPH_FILE)
    saved = SavedModel.FromString(path.read_bytes())
    definition = saved.meta_graphs[0].signature_def[signature]
    for name, value in values.items():
        dtype = tf.as_dtype(definition.inputs[name].dtype)
        definition.defaults[name].CopyFrom(tf.make_tensor_proto([value], dtype))
    path.write_bytes(saved.SerializeToString(deterministic=True))


def write_model_fingerprint(folder: str) -> None:
    """Writes TensorFlow's fingerprint, its random number made from the rest of it."""
    write_fingerprint(folder)
    path = Path(folder, FINGERPRINT_FILE)
    fingerprint = FingerprintDef.FromString(path.read_bytes())
    fingerprint.uuid = str(
        fingerprint.saved_model_checksum ^ fingerprint.checkpoint_hash
    )
    path.write_bytes(fingerprint.SerializeToString())


def _dense_model(manifest: CheckpointManifest) -> keras.Model:
    """Returns the dense model; its variables have the names of a process's first one.

    Names are stored with the variables: the same checkpoint is to make the same bytes,
    however many models were made before.
    """
    policy = keras.config.dtype_policy()
    keras.utils.clear_session(free_memory=False)
    keras.config.set_dtype_policy(policy)
    model: keras.Model = construct(manifest.model.builder, manifest.model.options)
    zeros = {name: tf.zeros([1]) for name in manifest.feature_set.numbers}
    model(*model_arguments(_zero_activations(manifest.feature_set), zeros))
    return model


def _zero_activations(feature_set: FeatureSet) -> dict[str, tf.Tensor]:
    """Returns activations of one example, for a model that is built by its inputs."""
    activations = {}
    for name, feature in feature_set.features.items():
        length = feature.max_sequence_length
        dim = feature_set.tables[feature.table].dim
        activations[name] = tf.zeros([1, length, dim] if length else [1, dim])
    return activations
