"""How far lookups of a table may be off that rounds rows or sums, and no further.

A row's values are rounded by at most a part of its largest one
(`embedding.serving.tables`): scale / 2 is 1/254 of it for int8, half a unit in the last
place at most 2^-11 of it for float16. An activation, sum(coefficient * row), is off by
at most sum(|coefficient| * that); float32 arithmetic adds a unit in the last place for
each id, and does so too where a TPU adds in another order than the served model.
Values that training quantizes may besides move to the next level.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from shardline.components.model.engine_config import table_policies
from shardline.configs.schema import FeatureSet
from shardline.embedding import TPUEmbedding
from shardline.embedding.config.specs import flatten_features
from shardline.embedding.inputs.lookups import Lookup, lookup_of, shape_of
from shardline.embedding.tables.partition import first_rows

# By precision: part of the row's largest value, and what is added to it.
_ROUNDED_BY = {"float16": (2.0**-11, 2.0**-25), "int8": (1 / 254, 0.0)}
_REORDERED = {"float32": (0.0, 0.0)}
_FLOAT32 = 2.0**-23
# Roundings that do not come of adding up: of scales, coefficients and products.
_OTHER_ROUNDINGS = 6


class Rounding:
    """What rounding allows, for the lookups of one engine."""

    def __init__(
        self,
        engine: TPUEmbedding,
        feature_config: Mapping[str, Any],
        feature_set: FeatureSet,
        *,
        adds_alike: bool = True,
    ):
        """Takes the tables.

        Args:
            engine: holds the rows.
            feature_config: what the engine was configured with.
            feature_set: the id features, numbers and tables.
            adds_alike: whether the engine adds rows up as a served model does, bit by
                bit. Else float32 is rounded too, as its sums are.
        """
        self._rounded_by = _ROUNDED_BY if adds_alike else _ROUNDED_BY | _REORDERED
        specs = flatten_features(feature_config, table_policies(feature_set))
        self._specs = {spec.path: spec for spec in specs}
        self._shards = {table: rows.variables for table, rows in engine.rows().items()}
        self._steps = {
            name: _level_step(table.quantization)
            for name, table in feature_set.tables.items()
        }

    def allowed(self, feature: str, inputs: tuple[Any, Any]) -> dict[str, np.ndarray]:
        """Returns by precision how far each activation row may be off.

        Args:
            feature: its name.
            inputs: ids and weights that the engine does not refuse.

        Returns:
            float32, the activations' shape without the last axis.
        """
        spec = self._specs[feature]
        lookup = lookup_of(spec, *inputs)
        shape = shape_of(spec, inputs[0]).numpy()
        sizes = self._largest_values(spec.table_name, lookup.ids.numpy())
        step = self._steps[spec.table_name]
        coefficients = np.abs(lookup.coefficients.numpy().astype(np.float64))
        counts = _summed(lookup, np.ones_like(sizes), shape)
        exact = _summed(lookup, coefficients * (sizes + step), shape)
        slack = (counts + _OTHER_ROUNDINGS) * _FLOAT32 * exact
        return {
            precision: np.nextafter(
                (
                    _summed(lookup, coefficients * (part * sizes + least + step), shape)
                    + slack
                ).astype(np.float32),
                np.float32(np.inf),
            )
            * (counts > 0)
            for precision, (part, least) in self._rounded_by.items()
        }

    def _largest_values(self, table: str, ids: np.ndarray) -> np.ndarray:
        """Returns the largest absolute value of each id's row: float64 [n]."""
        shards = self._shards[table]
        starts = first_rows(sum(int(s.shape[0]) for s in shards), len(shards))
        largest = np.zeros(len(ids))
        for start, shard in zip(starts, shards, strict=True):
            here = (ids >= start) & (ids < start + int(shard.shape[0]))
            rows = tf.gather(shard, ids[here] - start).numpy()
            largest[here] = np.abs(rows).max(axis=1, initial=0)
        return largest


def _level_step(quantization: Any) -> float:
    if quantization is None:
        return 0.0
    return float((quantization.upper - quantization.lower) / (quantization.buckets - 1))


def _summed(lookup: Lookup, values: np.ndarray, shape: np.ndarray) -> np.ndarray:
    """Adds values up by activation row."""
    total = np.zeros(int(np.prod(shape)))
    np.add.at(total, lookup.segment_ids.numpy(), values)
    return total.reshape(shape)
