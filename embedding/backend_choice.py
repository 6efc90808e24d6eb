"""Which backend serves an engine: decided by the strategy it is created under."""

from collections.abc import Sequence

import tensorflow as tf

from shardline.embedding.backend import Backend
from shardline.embedding.config.policies import Policies
from shardline.embedding.config.specs import FeatureSpec, TableSpec
from shardline.embedding.host.backend import HostBackend
from shardline.embedding.host.pipelined import PipelinedHostBackend
from shardline.embedding.host.replicas import Replicas
from shardline.embedding.hosts import checked_hosts

_TPU_STRATEGIES = (tf.distribute.TPUStrategy, tf.distribute.experimental.TPUStrategy)


def backend_for(
    features: Sequence[FeatureSpec],
    tables: Sequence[TableSpec],
    *,
    hosts: Sequence[str] | None,
    pipelined: bool,
    policies: Policies | None,
    initialize_tpu_embedding: bool,
) -> Backend:
    """Returns the TPU's backend under a TPUStrategy, else that of CPU hosts.

    Args:
        features: every feature, in flattened order.
        tables: every table.
        hosts: CPU devices for the rows, or None for the default.
        pipelined: whether lookups run one step ahead of the updates.
        policies: as the user gave them.
        initialize_tpu_embedding: False to join an initialised TPU system.

    Raises:
        ValueError: if a host is no known CPU device, or on `hosts`, `policies` or a
            table without optimizer under a TPUStrategy.
        NotImplementedError: on a strategy of several processes, or on what SparseCores
            do not have.
    """
    strategy = tf.distribute.get_strategy()
    if not isinstance(strategy, _TPU_STRATEGIES):
        kind = PipelinedHostBackend if pipelined else HostBackend
        return kind(features, tables, checked_hosts(hosts), Replicas(strategy))
    if hosts is not None or policies is not None:
        raise ValueError(
            "hosts and policies are for CPU hosts: under a TPUStrategy the rows lie on "
            "the TPU's own hosts, and ids reach the TPU as they are. Leave both out."
        )
    for table in tables:
        if table.optimizer is None:
            raise ValueError(
                f"Table '{table.name}': {type(None)} is an unsupported optimizer "
                "class. Under a TPUStrategy every table needs an optimizer."
            )
    # Loaded on a TPU only.
    from shardline.embedding.tpu.backend import tpu_backend

    return tpu_backend(
        features,
        tables,
        strategy,
        pipelined=pipelined,
        initialize_tpu_embedding=initialize_tpu_embedding,
    )
