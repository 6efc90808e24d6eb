"""The hot steps as native ops: one call a host for all tables."""

import itertools
import math
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from shardline.embedding.config.optimizers import (
    FTRL,
    SGD,
    Adagrad,
    AdagradMomentum,
    Adam,
    touches_all_rows,
)
from shardline.embedding.host.layout import HostLayout, HostLookups
from shardline.embedding.host.row_trackers import RowTrackers, TrackedShard
from shardline.embedding.hosts import task_of
from shardline.embedding.inputs.assertions import Check
from shardline.embedding.inputs.lookups import known_kept
from shardline.embedding.inputs.structure import is_dense
from shardline.embedding.tables.host_table import HostTable
from shardline.embedding.tables.pooling import sum_in_order

_RULES = {
    SGD: "sgd",
    Adagrad: "adagrad",
    AdagradMomentum: "adagrad_momentum",
    Adam: "adam",
    FTRL: "ftrl",
}


class NativeKernels:
    """Implements `embedding.host.kernels.Kernels`.

    Attributes:
        trackers: of the rows of each host, once tables are prepared.
    """

    def __init__(self, layout: HostLayout, ops: Any):
        """Takes what is known before the first batch.

        Args:
            layout: the layout of the engine.
            ops: from `embedding.native.library.native_ops`.
        """
        self._layout = layout
        self._ops = ops
        self.trackers: list[RowTrackers] = []
        # Where the activations of each host are summed: once in every process.
        self._tasks = [task_of(host) for host in layout.used_hosts]

    def prepare(self, tables: Sequence[HostTable]) -> None:
        """Puts large tables on huge pages, and sees all rows as touched."""
        for host, device in enumerate(self._layout.used_hosts):
            shards = [tables[t].shards()[host] for t in self._layout.tables_on(host)]
            variables = [v for s in shards for v in (s.parameters, *s.slots)]
            with tf.device(device), tf.init_scope():
                self._ops.shardline_use_huge_pages(
                    [variable.handle for variable in variables],
                    dims=[variable.shape[1] for variable in variables],
                )
        for trackers in self.trackers:
            trackers.set_touched(True)
        if not self.trackers:
            self.trackers = [
                RowTrackers(device, self._tracked_shards(tables, host), self._ops)
                for host, device in enumerate(self._layout.used_hosts)
            ]

    def partition(
        self, features: Sequence[Any], weights: Sequence[Any]
    ) -> list[HostLookups]:
        """Splits a batch, as `Kernels.partition`."""
        layout = self._layout
        specs, tables = layout.features, layout.tables
        positions = [
            _positions(
                ids, of_ids if spec.config.validate_weights_and_indices else None
            )
            for spec, ids, of_ids in zip(specs, features, weights, strict=True)
        ]
        columns = self._ops.shardline_partition(
            ids=[ids if is_dense(ids) else ids.values for ids in features],
            positions=list(itertools.chain.from_iterable(positions)),
            weights=[tf.cast(w.values, tf.float32) for w in weights if w is not None],
            hosts=len(layout.used_hosts),
            paths=[spec.path for spec in specs],
            kinds=[_kind(ids) for ids in features],
            is_weighted=[of_ids is not None for of_ids in weights],
            validate=[bool(s.config.validate_weights_and_indices) for s in specs],
            kept=[
                -1 if kept is None else kept
                for kept in map(known_kept, specs, features)
            ],
            output_shapes=layout.shapes,
            feature_tables=layout.table_of_feature,
            table_names=[table.name for table in tables],
            combiners=[table.config.combiner for table in tables],
            policies=[table.policy for table in tables],
            vocabulary_sizes=[table.config.vocabulary_size for table in tables],
            host_counts=[len(rows) for rows in layout.first_rows],
            first_rows=list(itertools.chain.from_iterable(layout.first_rows)),
        )
        return [HostLookups(*host) for host in zip(*columns, strict=True)]

    def lookup(
        self, tables: Sequence[HostTable], batch: Sequence[HostLookups]
    ) -> list[tf.Tensor]:
        """Looks a batch up, as `Kernels.lookup`.

        The hosts of one process add to the same activations in turn; those of other
        processes send theirs, which are added up here in the order of the hosts.
        """
        sums: dict[str, dict[int, tf.Tensor]] = {}
        for host, lookups in enumerate(batch):
            features = self._layout.features_on(host)
            # A host holds rows of those tables only that the hosts before it hold.
            so_far = sums.setdefault(self._tasks[host], {})
            partial = [so_far[f] for f in features if f in so_far]
            summed = self._lookup_on(host, tables, lookups, partial)
            so_far.update(zip(features, summed, strict=True))
        return [
            sum_in_order([so_far[f] for so_far in sums.values() if f in so_far])
            for f in range(len(self._layout.features))
        ]

    def finite_checks(self, gradients: Sequence[Sequence[tf.Tensor]]) -> list[Check]:
        """Checks gradients, as `Kernels.finite_checks`."""
        checked, names = [], []
        for replica in gradients:
            for feature, gradient in zip(self._layout.features, replica, strict=True):
                if feature.policy == "error":
                    checked.append(gradient)
                    names.append(feature.table_name)
        if not checked:
            return []
        return [self._ops.shardline_check_finite(checked, table_names=names)]

    def update(
        self,
        tables: Sequence[HostTable],
        batches: Sequence[Sequence[HostLookups]],
        gradients: Sequence[Sequence[tf.Tensor]],
        rates: Sequence[tf.Tensor],
    ) -> None:
        """Updates all tables, as `Kernels.update`."""
        for host, device in enumerate(self._layout.used_hosts):
            on_host = self._layout.tables_on(host)
            shards = [tables[t].shards()[host] for t in on_host]
            features = self._layout.features_on(host)
            lookups = [replica[host] for replica in batches]
            with tf.device(device):
                self._ops.shardline_update(
                    tables=[shard.parameters.handle for shard in shards],
                    slots=[slot.handle for shard in shards for slot in shard.slots],
                    rows=[replica.rows for replica in lookups],
                    segments=[replica.segments for replica in lookups],
                    coefficients=[replica.coefficients for replica in lookups],
                    table_ends=[replica.table_ends for replica in lookups],
                    gradients=[r[f] for r in gradients for f in features],
                    rates=tf.stack([rates[t] for t in on_host]),
                    trackers=self.trackers[host].handles,
                    **self._sizes(host),
                    **self._rules(on_host),
                )

    def _tracked_shards(
        self, tables: Sequence[HostTable], host: int
    ) -> list[TrackedShard]:
        return [
            TrackedShard(
                table.spec.name,
                list(table.slots),
                table.starts[host],
                table.shards()[host],
            )
            for table in (tables[t] for t in self._layout.tables_on(host))
        ]

    def _lookup_on(
        self,
        host: int,
        tables: Sequence[HostTable],
        lookups: HostLookups,
        partial: Sequence[tf.Tensor],
    ) -> list[tf.Tensor]:
        """Returns the activations of a host's features, added to partial sums."""
        on_host = self._layout.tables_on(host)
        with tf.device(self._layout.used_hosts[host]):
            activations: list[tf.Tensor] = self._ops.shardline_lookup(
                tables=[tables[t].shards()[host].parameters.handle for t in on_host],
                **lookups._asdict(),
                partial_sums=partial,
                feature_count=len(self._layout.features_on(host)),
                quantization=list(
                    itertools.chain.from_iterable(
                        _quantization(self._layout.tables[t].config) for t in on_host
                    )
                ),
                **self._sizes(host),
            )
        return activations

    def _sizes(self, host: int) -> dict[str, list[int]]:
        """Returns the attributes that say which activations belong to which table."""
        tables = self._layout.tables_on(host)
        features = self._layout.features_on(host)
        position = {table: i for i, table in enumerate(tables)}
        return {
            "feature_tables": [
                position[self._layout.table_of_feature[f]] for f in features
            ],
            "feature_rows": [self._layout.activation_rows[f] for f in features],
            "dims": [self._layout.tables[t].config.dim for t in tables],
        }

    def _rules(self, tables: Sequence[int]) -> dict[str, list[Any]]:
        """Returns the attributes that say how each table is updated."""
        specs = [self._layout.tables[t] for t in tables]
        return {
            "rules": [_RULES[type(spec.optimizer)] for spec in specs],
            "options": [o for spec in specs for o in _options(spec.optimizer)],
            "flags": [
                flag
                for spec in specs
                for flag in _flags(spec.optimizer, skips=spec.policy != "error")
            ],
        }


def _kind(ids: Any) -> str:
    if is_dense(ids):
        return "dense"
    return "sparse" if isinstance(ids, tf.SparseTensor) else "ragged"


def _positions(ids: Any, weights: Any) -> list[tf.Tensor]:
    """Returns where the ids of a feature stand, and its weights if there are any."""
    if is_dense(ids):
        return []
    if isinstance(ids, tf.SparseTensor):
        positions = [ids.indices, ids.dense_shape]
        return positions if weights is None else [*positions, weights.indices]
    splits = (
        [ids.row_splits] if weights is None else [ids.row_splits, weights.row_splits]
    )
    return [tf.cast(split, tf.int64) for split in splits]


def _quantization(table: Any) -> tuple[float, float, float]:
    """Returns lower, upper and step as `tables.pooling.quantized` has them."""
    config = table.quantization_config
    if config is None:
        return (0.0, 0.0, 0.0)
    step = (config.upper - config.lower) / (config.num_buckets - 1)
    return (config.lower, config.upper, step)


def _options(optimizer: Any) -> list[float]:
    """Returns an optimizer's numbers as ShardlineUpdate lists them."""

    def bound(value: float | None, otherwise: float) -> float:
        return otherwise if value is None else value

    of_rule: list[float] = []
    if isinstance(optimizer, AdagradMomentum):
        beta2 = optimizer.beta2
        of_rule = [optimizer.momentum, beta2, 1 - beta2]
        of_rule += [optimizer.epsilon, -1.0 / optimizer.exponent]
    elif isinstance(optimizer, Adam):
        of_rule = [optimizer.beta_1, 1 - optimizer.beta_1]
        of_rule += [optimizer.beta_2, 1 - optimizer.beta_2]
        epsilon = optimizer.epsilon
        of_rule += [epsilon**2 if optimizer.sum_inside_sqrt else epsilon]
    elif isinstance(optimizer, FTRL):
        of_rule = [-optimizer.learning_rate_power, optimizer.beta]
        of_rule += [optimizer.l1_regularization_strength]
        of_rule += [2 * optimizer.l2_regularization_strength]
    return [
        bound(optimizer.clip_gradient_min, -math.inf),
        bound(optimizer.clip_gradient_max, math.inf),
        bound(optimizer.clip_weight_min, -math.inf),
        bound(optimizer.clip_weight_max, math.inf),
        optimizer.weight_decay_factor or 0.0,
        *of_rule,
        *[0.0] * (5 - len(of_rule)),
    ]


def _flags(optimizer: Any, *, skips: bool) -> list[bool]:
    """Returns an optimizer's switches as ShardlineUpdate lists them."""
    return [
        bool(optimizer.use_gradient_accumulation),
        optimizer.use_gradient_accumulation and touches_all_rows(optimizer),
        skips,
        bool(optimizer.multiply_weight_decay_factor_by_learning_rate),
        bool(getattr(optimizer, "use_nesterov", False)),
        bool(getattr(optimizer, "sum_inside_sqrt", False)),
        bool(getattr(optimizer, "multiply_linear_by_learning_rate", False)),
    ]
