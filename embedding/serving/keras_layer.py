"""The serving lookup as a Keras layer."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from shardline.embedding.config.policies import Policies
from shardline.embedding.config.shapes import output_shape
from shardline.embedding.config.specs import (
    TableSpec,
    collect_tables,
    flatten_features,
    leaf_paths,
)
from shardline.embedding.serving.lookup import serving_embedding_lookup


@dataclasses.dataclass(frozen=True)
class _Configuration:
    """The arguments of the layer, and its tables."""

    feature_config: Any
    policies: Policies | None
    specs: list[TableSpec]


class EmbeddingLookup(keras.layers.Layer):  # type: ignore[misc]
    """Looks ids up in tables of its own, with the engine's numbers.

    ```python
    lookup = EmbeddingLookup(feature_config)
    lookup.assign_tables(engine.embedding_tables)
    activations = lookup({"history": ragged_ids}, {"history": ragged_weights})
    ```

    The tables are float32 weights [vocabulary_size, dim] that do not train: the engine
    trains them. Stock TensorFlow ops only; needs Keras's TensorFlow backend. Save a
    model that holds it by its weights or as a SavedModel: a `.keras` archive cannot
    hold a feature_config. Give a subclassed model the class attribute
    `input_dtype = "int64"` then: Keras saves it with inputs of that type.
    """

    def __init__(
        self,
        feature_config: Any,
        *,
        policies: Policies | None = None,
        name: str | None = None,
    ):
        """Creates the tables, zero until `assign_tables`.

        Args:
            feature_config: the nest of FeatureConfig that the tables were trained with.
            policies: those the tables were trained with, see `config.policies`.
            name: the name of the layer.

        Raises:
            ValueError: if the configuration or a policy does not fit.
        """
        # Ids must not be cast, and rows are float32 under any policy of Keras.
        super().__init__(name=name, trainable=False, dtype="float32", autocast=False)
        specs = collect_tables(flatten_features(feature_config, policies), None)
        # Keras would wrap the containers, so they are out of its sight.
        self._configuration = _Configuration(feature_config, policies, specs)
        self._weights_by_name = {
            spec.name: self.add_weight(
                # Keras allows no slash.
                name=spec.name.replace("/", "."),
                shape=(spec.config.vocabulary_size, spec.config.dim),
                dtype="float32",
                initializer="zeros",
                trainable=False,
            )
            for spec in specs
        }

    def assign_tables(self, tables: Mapping[Any, Any]) -> None:
        """Copies rows in, shard by shard.

        Args:
            tables: parameters by TableConfig, as `TPUEmbedding.embedding_tables`, on
                any number of hosts.

        Raises:
            ValueError: if a table is missing.
        """
        specs = self._configuration.specs
        missing = [spec.name for spec in specs if spec.config not in tables]
        if missing:
            raise ValueError(
                f"No values for the tables {missing}: pass the tables of an engine "
                "with the same feature_config objects."
            )
        for spec in specs:
            weight = self._weights_by_name[spec.name].value
            first = 0
            for shard in getattr(
                tables[spec.config], "variables", [tables[spec.config]]
            ):
                last = first + shard.shape[0]
                weight[first:last].assign(shard)
                first = last

    def call(self, inputs: Any, weights: Any = None) -> Any:
        """Returns the activations, see `embedding.serving_embedding_lookup`.

        Raises:
            ValueError: if ids are floats.
        """
        _check_not_floats(inputs)
        configuration = self._configuration
        tables = {
            spec.config: tf.convert_to_tensor(self._weights_by_name[spec.name])
            for spec in configuration.specs
        }
        return serving_embedding_lookup(
            inputs,
            weights,
            tables,
            configuration.feature_config,
            configuration.policies,
        )

    def compute_output_spec(self, inputs: Any, weights: Any = None) -> Any:
        """Returns the activations' symbolic shapes, for Keras's functional models."""
        config = self._configuration.feature_config
        features = {feature.path: feature for feature in flatten_features(config)}
        outputs = []
        for path, ids in zip(leaf_paths(inputs), tf.nest.flatten(inputs), strict=True):
            config = features[path].config
            shape = config.output_shape
            if shape.rank is None:
                shape = output_shape(features[path], tf.TensorShape(ids.shape))
            outputs.append(
                keras.KerasTensor((*shape.as_list(), config.table.dim), "float32")
            )
        return tf.nest.pack_sequence_as(inputs, outputs)


def _check_not_floats(inputs: Any) -> None:
    for path, ids in zip(leaf_paths(inputs), tf.nest.flatten(inputs), strict=True):
        if tf.as_dtype(ids.dtype).is_floating:
            raise ValueError(
                f"Feature '{path}': ids must be int32 or int64, got {ids.dtype.name}. "
                "Keras saves a subclassed model with float inputs, unless it has the "
                "class attribute input_dtype = 'int64'."
            )
