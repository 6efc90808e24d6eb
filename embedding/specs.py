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
        table_name: unique name of the feature's table.
    """

    path: str
    config: Any
    table_name: str

    @property
    def is_sequence(self) -> bool:
        """True when the feature keeps one activation for each position."""
        return bool(self.config.max_sequence_length > 0)

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
        ValueError: if the structure is empty, holds anything but FeatureConfig, or two
            tables have one name.
        NotImplementedError: on an option that the host backend does not have.
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
    names = _table_names([config.table for config in configs])
    features = [
        FeatureSpec(path, config, names[id(config.table)])
        for path, config in zip(paths, configs, strict=True)
    ]
    for feature in features:
        _check_options(feature)
    return features


def collect_tables(features: list[FeatureSpec], optimizer: Any) -> list[TableSpec]:
    """Returns the tables of all features, in the order of their first use.

    Args:
        features: from `flatten_features`.
        optimizer: for tables that bring none; None makes them lookup-only.

    Raises:
        ValueError: on an unsupported optimizer.
        NotImplementedError: on an optimizer option that the host backend does not have.
    """
    positions: dict[str, list[int]] = {}
    for position, feature in enumerate(features):
        positions.setdefault(feature.table_name, []).append(position)
    tables = []
    for name, users in positions.items():
        config = features[users[0]].config.table
        table = TableSpec(name, config, config.optimizer or optimizer, tuple(users))
        check_supported(table.optimizer, name)
        tables.append(table)
    return tables


def _table_names(configs: list[Any]) -> dict[int, str]:
    """Returns a unique name for each table object, `table_<i>` for those without."""
    tables = list({id(config): config for config in configs}.values())
    given = [table.name for table in tables if table.name is not None]
    for name in given:
        if given.count(name) > 1:
            raise ValueError(
                f"Tables must have a unique name. Multiple tables with name {name} "
                "found. Share one TableConfig object, or rename one of them."
            )
    names = {}
    for position, table in enumerate(tables):
        name = table.name or f"table_{position}"
        while table.name is None and name in given:
            name += "_"
        names[id(table)] = name
    return names


def _check_options(feature: FeatureSpec) -> None:
    """Refuses what would otherwise be ignored in silence."""
    table = feature.config.table
    unsupported = {
        "quantization_config": table.quantization_config is not None,
        f"dtype={table.dtype}": table.dtype != tf.float32,
        "a custom combiner": table.combiner not in ("sum", "mean", "sqrtn"),
    }
    for option, is_used in unsupported.items():
        if is_used:
            raise NotImplementedError(
                f"Table '{feature.table_name}': {option} is not implemented on the "
                "host backend; leave it out."
            )
    unsupported = {
        "output_shape": feature.config.output_shape.rank is not None,
        "validate_weights_and_indices=False": (
            not feature.config.validate_weights_and_indices
        ),
    }
    for option, is_used in unsupported.items():
        if is_used:
            raise NotImplementedError(
                f"Feature '{feature.path}': {option} is not implemented on the host "
                "backend; leave it out."
            )


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
