"""Feature and table configurations, flattened, named and validated as one set.

Owns the order of tables (first use in `tf.nest.flatten` order, the same in every
process) and their names. The user's own config objects are read, never changed: names
and optimizers given here live in `TableSpec`.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from shardline.embedding.config.optimizers import check_supported
from shardline.embedding.config.policies import (
    DEFAULT,
    Policies,
    Policy,
    policy_of_tables,
)

FeatureConfig = tf.tpu.experimental.embedding.FeatureConfig
TableConfig = tf.tpu.experimental.embedding.TableConfig


@dataclasses.dataclass(frozen=True)
class FeatureSpec:
    """One feature of the flattened configuration.

    Attributes:
        path: where the feature stands in the user's structure, such as "user/history".
        config: the user's FeatureConfig.
        table_name: unique name of the feature's table.
        policy: what the table does with input it cannot use.
        built_shape: output shape that `build` fixed, or None before it and in serving.
    """

    path: str
    config: Any
    table_name: str
    policy: Policy = DEFAULT
    built_shape: tf.TensorShape | None = None

    @property
    def is_sequence(self) -> bool:
        """True when every position of an example keeps an activation of its own.

        An explicit output_shape takes precedence over max_sequence_length.
        """
        return bool(
            self.config.max_sequence_length > 0
            and self.config.output_shape.rank is None
        )


@dataclasses.dataclass(frozen=True)
class TableSpec:
    """One table and the features that look it up.

    Attributes:
        name: unique among the tables.
        config: the user's TableConfig.
        optimizer: the table's own optimizer, else the default; None means no training.
        features: positions of the table's features in the flattened configuration.
        policy: what the table does with input it cannot use.
    """

    name: str
    config: Any
    optimizer: Any
    features: tuple[int, ...]
    policy: Policy = DEFAULT


def flatten_features(
    feature_config: Any, policies: Policies | None = None
) -> list[FeatureSpec]:
    """Returns the features of a nested configuration in `tf.nest.flatten` order.

    Args:
        feature_config: any nest of FeatureConfig.
        policies: the policies of the tables, see `embedding.config.policies`.

    Raises:
        ValueError: if the structure is empty, holds anything but FeatureConfig, two
            tables have one name, or a policy is unknown.
        NotImplementedError: on a table of int32, with a custom combiner or a layout.
    """
    paths = leaf_paths(feature_config)
    configs = tf.nest.flatten(feature_config)
    if not configs:
        raise ValueError("feature_config holds no feature; give at least one.")
    repeated = sorted({path for path in paths if paths.count(path) > 1})
    if repeated:
        raise ValueError(
            f"feature_config has several features at {repeated}, where '/' is both in "
            "a key and between keys. Rename one of the keys."
        )
    for path, config in zip(paths, configs, strict=True):
        if not isinstance(config, FeatureConfig):
            raise ValueError(
                f"feature_config[{path}] must be a FeatureConfig, got {type(config)}."
            )
    names = _table_names([config.table for config in configs])
    policy_of = policy_of_tables(policies, list(names.values()))
    features = [
        FeatureSpec(path, config, name, policy_of[name])
        for path, config in zip(paths, configs, strict=True)
        for name in [names[id(config.table)]]
    ]
    for feature in features:
        _check_table(feature.table_name, feature.config.table)
    return features


def collect_tables(features: list[FeatureSpec], optimizer: Any) -> list[TableSpec]:
    """Returns the tables of all features, in the order of their first use.

    Args:
        features: from `flatten_features`.
        optimizer: for tables that bring none; None makes them lookup-only.

    Raises:
        ValueError: on an unsupported optimizer.
    """
    positions: dict[str, list[int]] = {}
    for position, feature in enumerate(features):
        positions.setdefault(feature.table_name, []).append(position)
    tables = []
    for name, users in positions.items():
        first = features[users[0]]
        config = first.config.table
        table = TableSpec(
            name, config, config.optimizer or optimizer, tuple(users), first.policy
        )
        check_supported(table.optimizer, name)
        tables.append(table)
    return tables


def _table_names(configs: list[Any]) -> dict[int, str]:
    """Returns a unique name for each table object, `table_<i>` for those without."""
    tables = list({id(config): config for config in configs}.values())
    configured = [table.name for table in tables if table.name is not None]
    for name in configured:
        if configured.count(name) > 1:
            raise ValueError(
                f"Tables must have a unique name. Multiple tables with name {name} "
                "found. Share one TableConfig object, or rename one of them."
            )
    names = {}
    for position, table in enumerate(tables):
        name = table.name or f"table_{position}"
        while table.name is None and name in configured:
            name += "_"
        names[id(table)] = name
    return names


def _check_table(name: str, table: Any) -> None:
    """Refuses what only SparseCore has, and what would be ignored in silence."""
    unsupported = {
        f"dtype={table.dtype}": table.dtype != tf.float32,
        "a custom combiner": table.combiner not in ("sum", "mean", "sqrtn"),
        "layout": table.layout is not None,
    }
    for option, is_used in unsupported.items():
        if is_used:
            raise NotImplementedError(
                f"Table '{name}': {option} is not implemented; use float32 rows, "
                "the combiner sum, mean or sqrtn, and no layout."
            )


def leaf_paths(structure: Any) -> list[str]:
    """Returns where each leaf of a nest stands, in `tf.nest.flatten` order."""
    paths: list[str] = tf.nest.flatten(_with_paths(structure, ""))
    return paths


def _with_paths(structure: Any, prefix: str) -> Any:
    if isinstance(structure, Mapping):
        return {
            key: _with_paths(value, f"{prefix}/{key}")
            for key, value in structure.items()
        }
    if isinstance(structure, (list, tuple)):
        names = getattr(structure, "_fields", range(len(structure)))
        return [
            _with_paths(value, f"{prefix}/{name}")
            for name, value in zip(names, structure, strict=True)
        ]
    return prefix.lstrip("/") or "feature_config"
