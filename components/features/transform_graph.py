"""The transform graph of a run, applied to raw examples outside Beam.

The trainer's parity predictions and the served model both go through it, so a served
request passes the very graph that made the training data.
"""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf
import tensorflow_transform as tft
from tensorflow_transform.saved import saved_transform_io_v2

from configs.columns import raw_columns
from configs.schema import FeatureSet


class TransformGraph(tf.Module):
    """Raw columns to transformed features. Tracks the vocabulary files as assets."""

    def __init__(self, transform_output: tft.TFTransformOutput, features: FeatureSet):
        """Loads the graph.

        Args:
            transform_output: what the Transform component wrote.
            features: the specification; only its columns are asked for.
        """
        super().__init__()
        raw_spec = transform_output.raw_feature_spec()
        self.columns = {name: raw_spec[name] for name in sorted(raw_columns(features))}
        self._loader = saved_transform_io_v2.SavedModelLoader(
            transform_output.transform_savedmodel_dir
        )
        # The loader is no trackable object; its resources must be tracked to be saved.
        self._resources = self._loader.__dict__

    def parse(self, serialized: tf.Tensor) -> dict[str, Any]:
        """Returns the raw columns of serialized tf.Examples: string [batch]."""
        parsed: dict[str, Any] = tf.io.parse_example(serialized, self.columns)
        return parsed

    def __call__(self, columns: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the transformed features, the label left out."""
        transformed: dict[str, Any] = self._loader.apply_transform_model(dict(columns))
        return transformed
