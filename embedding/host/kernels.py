"""The three hot steps of CPU hosts, and who does them: native or stock ops.

Both give the same numbers to 1e-6, and take the same lookups.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import tensorflow as tf

from shardline.embedding.host.layout import HostLayout, HostLookups
from shardline.embedding.host.native_kernels import NativeKernels
from shardline.embedding.host.row_trackers import RowTrackers
from shardline.embedding.host.stock_kernels import StockKernels
from shardline.embedding.inputs.assertions import Check
from shardline.embedding.native.library import runs_on, say_once, usable_ops
from shardline.embedding.tables.host_table import HostTable

# Of each replica, by feature.
Gradients = Sequence[Sequence[tf.Tensor]]
# Of each replica's batch, by host.
Batches = Sequence[Sequence[HostLookups]]


class Kernels(Protocol):
    """Partition, pooled lookup and update of all tables at once.

    Attributes:
        trackers: of the rows of each host of `HostLayout.used_hosts`, once tables are
            prepared; empty where rows are not tracked.
    """

    trackers: list[RowTrackers]

    def prepare(self, tables: Sequence[HostTable]) -> None:
        """Gets tables ready for many steps: after their creation, after a restore."""

    def partition(
        self, features: Sequence[Any], weights: Sequence[Any]
    ) -> list[HostLookups]:
        """Checks one replica's batch and splits it by host.

        Args:
            features: ids of each feature.
            weights: None, or the weights of each feature.

        Returns:
            The lookups that each of `HostLayout.used_hosts` answers.
        """

    def lookup(
        self, tables: Sequence[HostTable], batch: Sequence[HostLookups]
    ) -> list[tf.Tensor]:
        """Returns each feature's activations: float32 [activation rows, dim]."""

    def finite_checks(self, gradients: Gradients) -> list[Check]:
        """Returns what fails on gradients that the policy "error" refuses.

        Args:
            gradients: float32 [activation rows, dim].
        """

    def update(
        self,
        tables: Sequence[HostTable],
        batches: Batches,
        gradients: Gradients,
        rates: Sequence[tf.Tensor],
    ) -> None:
        """Updates the rows that occur, and their slots, in place and on their hosts.

        Args:
            tables: every table.
            batches: the batches of each replica, by host.
            gradients: of each replica, by feature: float32 [activation rows, dim].
            rates: the learning rate of each table: float32 scalars.
        """


def kernels_for(layout: HostLayout) -> Kernels:
    """Returns the native kernels if every host has them, else stock ops.

    Raises:
        NativeKernelsMissing: if SHARDLINE_KERNELS=native asks for them in vain.
        ValueError: if SHARDLINE_KERNELS has an unknown value.
    """
    ops = usable_ops()
    if ops is None:
        return StockKernels(layout)
    without = [host for host in layout.used_hosts if not runs_on(host)]
    if without:
        say_once(
            f"The hosts {without} have no native kernels, or others than this process: "
            "stock TensorFlow ops serve, several times slower. Run "
            "`python -m shardline.embedding.native` there before "
            "`python -m shardline.embedding.cluster`."
        )
        return StockKernels(layout)
    return NativeKernels(layout, ops)
