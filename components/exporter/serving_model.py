"""The served model: transform graph, CPU tables and dense model, in stock ops."""

from typing import Any

import tensorflow as tf
import tensorflow_transform as tft

from components.checkpoint_manifest import checkpoint_prefix, load_manifest
from components.dense_variables import plain_variables
from components.features.engine_config import engine_config
from components.features.engine_inputs import (
    engine_inputs,
    model_arguments,
    number_inputs,
)
from components.features.transform_graph import TransformGraph
from components.import_path import construct
from configs.columns import model_inputs
from embedding import TPUEmbedding, serving_embedding_lookup


class ServingModel(tf.Module):
    """Answers raw examples with scores."""

    def __init__(self, checkpoint_folder: str, transform_output: tft.TFTransformOutput):
        """Restores a checkpoint of any number of hosts into one table each.

        Args:
            checkpoint_folder: of a HostShardedCheckpoint.
            transform_output: what the Transform component wrote.
        """
        super().__init__()
        manifest = load_manifest(checkpoint_folder)
        self._features = manifest.features
        self.transform = TransformGraph(transform_output, manifest.features)
        feature_config = engine_config(
            manifest.features, manifest.rows, trainable=False
        )
        engine = TPUEmbedding(feature_config, hosts=["/CPU:0"])
        engine.build(1)
        model = construct(manifest.model.builder, manifest.model.options)
        zeros = {name: tf.zeros([1]) for name in manifest.features.numbers}
        model(*model_arguments(engine.zero_activations(), zeros))
        self.dense_variables = plain_variables(model)
        restored = tf.train.Checkpoint(model=self.dense_variables, embedding=engine)
        status = restored.read(checkpoint_prefix(checkpoint_folder))
        status.expect_partial().assert_existing_objects_matched()
        self.tables = [t.variables[0] for t in engine.embedding_tables.values()]
        tables = dict(zip(engine.embedding_tables, self.tables, strict=True))

        def score(ids: Any, weights: Any, numbers: Any) -> tf.Tensor:
            activations = serving_embedding_lookup(ids, weights, tables, feature_config)
            arguments = model_arguments(activations, numbers)
            return tf.sigmoid(model(*arguments, training=False))

        self._score = score

    def save(self, folder: str) -> None:
        """Writes the SavedModel with its signatures.

        `serving_default` takes `examples`, serialized tf.Examples: string [batch].
        `columns` takes the raw columns, each of its own type: `<column>` [batch], or
        for a ragged one `<column>_values` [n] and `<column>_row_splits` int64
        [batch + 1]; in these names an underscore stands for what is no letter, digit
        or underscore. Both return `scores` float32 [batch], how likely the label is.
        """
        tf.saved_model.save(
            self,
            folder,
            signatures={
                "serving_default": self._examples_signature(),
                "columns": self._columns_signature(),
            },
        )

    def _scores(self, columns: dict[str, Any]) -> dict[str, tf.Tensor]:
        transformed = self.transform(columns)
        ids, weights = engine_inputs(transformed, self._features)
        numbers = number_inputs(transformed, self._features)
        return {"scores": self._score(ids, weights, numbers)}

    def _examples_signature(self) -> Any:
        @tf.function(
            input_signature=[tf.TensorSpec([None], tf.string, name="examples")]
        )
        def serve_examples(examples: tf.Tensor) -> dict[str, tf.Tensor]:
            return self._scores(self.transform.parse(examples))

        return serve_examples

    def _columns_signature(self) -> Any:
        specs = {}
        for name, spec in self.transform.columns.items():
            values, *row_splits = _inputs(name, spec)
            specs[values] = tf.TensorSpec([None], spec.dtype)
            for splits in row_splits:
                specs[splits] = tf.TensorSpec([None], tf.int64)

        @tf.function
        def serve_columns(**flat: tf.Tensor) -> dict[str, tf.Tensor]:
            return self._scores(
                {
                    name: _column([flat[i] for i in _inputs(name, spec)])
                    for name, spec in self.transform.columns.items()
                }
            )

        return serve_columns.get_concrete_function(
            **{
                name: tf.TensorSpec(spec.shape, spec.dtype, name=name)
                for name, spec in specs.items()
            }
        )


def _inputs(name: str, spec: Any) -> list[str]:
    return model_inputs(name, ragged=isinstance(spec, tf.io.RaggedFeature))


def _column(flat: list[tf.Tensor]) -> Any:
    """Puts a column together again from its flat tensors."""
    return tf.RaggedTensor.from_row_splits(*flat) if len(flat) > 1 else flat[0]
