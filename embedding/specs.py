"""Feature and table configurations, flattened, named and validated as one set.

Owns the order of tables (first use in `tf.nest.flatten` order, the same in every
process) and their names. The user's own config objects are read, never changed: names
and optimizers given here live in `TableSpec`.
"""

import dataclasses
from typing import Any

import tensorflow as tf

from embedding.optimizers import check_supported

FeatureConfig = tf.tpu.experimental.embedding.FeatureConfig
TableConfig = tf.tpu.experimental.embedding.TableConfig


@dataclasses.dataclass(frozen=True)
class FeatureSpec:
    """One feature of the flattened configuration.

    Attributes:
      path: where the feature stands in the user's structure, such as "user/history".
      config: the user's FeatureConfig.
    """

    path: str
    config: Any

    @property
    def is_sequence(self) -> bool:
        """True when the feature keeps one activation for each position."""
        return self.config.max_sequence_length > 0

    def rows(self, batch_size: Any) -> Any:
        """Returns how many rows of activations a batch of this feature gives."""
        return batch_size * max(self.config.max_sequence_length, 1)

    def activation_shape(self, batch_size: Any) -> list[Any]:
        """Returns [batch, dim], or [batch, max_sequence_length, dim] for a sequence."""
        positions = [self.config.max_sequence_length] if self.is_sequence else []
        return [batch_size, *positions, self.config.table.dim]


@dataclasses.dataclass(frozen=True)
class TableSpec:
    """One table and the features that look it up.

    Attributes:
      name: unique among the tables.
      config: the user's TableConfig.
      optimizer: the table's own optimizer, else the default; None means no training.
      features: positions of the table's features in the flattened configuration.
    """

    name: str
    config: Any
    optimizer: Any
    features: tuple[int, ...]


def flatten_features(feature_config: Any) -> list[FeatureSpec]:
    """Returns the features of a nested configuration in `tf.nest.flatten` order.

    Raises:
      ValueError: if the structure is empty or holds something else than FeatureConfig.
    """
    paths = tf.nest.flatten(_paths(feature_config))
    configs = tf.nest.flatten(feature_config)
    if not configs:
        raise ValueError("feature_config holds no feature; give at least one.")
    for path, config in zip(paths, configs, strict=True):
        if not isinstance(config, FeatureConfig):
            raise ValueError(
                f"feature_config[{path}] must be a FeatureConfig, got {type(config)}."
            )
    return [FeatureSpec(*pair) for pair in zip(paths, configs, strict=True)]


def collect_tables(features: list[FeatureSpec], optimizer: Any) -> list[TableSpec]:
    """Returns the tables of all features, in the order of their first use.

    Args:
      features: from `flatten_features`.
      optimizer: for tables that bring none; None makes them lookup-only.

    Raises:
      ValueError: on an unsupported optimizer or two tables with one name.
      NotImplementedError: on an optimizer option that the host backend does not have.
    """
    users: dict[int, list[int]] = {}
    configs: dict[int, Any] = {}
    for position, feature in enumerate(features):
        key = id(feature.config.table)
        configs[key] = feature.config.table
        users.setdefault(key, []).append(position)
    names = _unique_names([config.name for config in configs.values()])
    tables = [
        TableSpec(name, config, config.optimizer or optimizer, tuple(users[key]))
        for name, (key, config) in zip(names, configs.items(), strict=True)
    ]
    for table in tables:
        check_supported(table.optimizer, table.name)
    return tables


def _unique_names(names: list[str | None]) -> list[str]:
    """Fills in `table_<i>` for missing names, clear of the names that are taken."""
    taken = [name for name in names if name is not None]
    for name in taken:
        if taken.count(name) > 1:
            raise ValueError(
                f"Tables must have a unique name. Multiple tables with name {name} "
                "found. Share one TableConfig object, or rename one of them."
            )
    filled = []
    for position, name in enumerate(names):
        if name is None:
            name = f"table_{position}"
            while name in taken:
                name += "_"
            taken.append(name)
        filled.append(name)
    return filled


def _paths(structure: Any, prefix: str = "") -> Any:
    """Returns `structure` with every leaf replaced by its path."""
    if isinstance(structure, dict):
        return {
            key: _paths(value, f"{prefix}/{key}") for key, value in structure.items()
        }
    if isinstance(structure, (list, tuple)):
        names = getattr(structure, "_fields", range(len(structure)))
        return [
            _paths(value, f"{prefix}/{name}")
            for name, value in zip(names, structure, strict=True)
        ]
    return prefix.lstrip("/") or "feature_config"
