"""Copies of all tables between the variables on the hosts and the TPU.

There is one op a table and host. Before it runs a graph, TensorFlow merges those of a
host into one, which takes every table at once: so all of them stand in one graph, and a
host holds the values of all its rows twice while it loads or retrieves.
"""

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from shardline.embedding.config.specs import TableSpec
from shardline.embedding.tables.host_table import HostTable
from shardline.embedding.tpu.algorithms import algorithm_of


def build_load(
    tables: Sequence[HostTable], hosts: Sequence[str], config: bytes
) -> None:
    """Builds the ops that copy all tables into the TPU.

    Args:
        tables: every table, in the order of first use.
        hosts: CPU devices that hold rows, host 0 first.
        config: serialized TPUEmbeddingConfiguration.
    """
    for host_id, host in enumerate(hosts):
        with tf.device(host):
            for table in tables:
                slots = {"parameters": table.parameters, **table.slots}
                _op("Load", table.spec)(
                    table_name=table.spec.name,
                    num_shards=len(hosts),
                    shard_id=host_id,
                    config=config,
                    **{
                        slot: _shard_or_zeros(sharded.variables, host_id)
                        for slot, sharded in slots.items()
                    },
                )
                # One op of the graph is enough: the string may be long.
                config = b""


def build_retrieve(
    tables: Sequence[HostTable], hosts: Sequence[str], config: bytes
) -> None:
    """Builds the ops that copy all tables back; arguments as of `build_load`."""
    for host_id, host in enumerate(hosts):
        with tf.device(host):
            for table in tables:
                retrieved = _op("Retrieve", table.spec)(
                    table_name=table.spec.name,
                    num_shards=len(hosts),
                    shard_id=host_id,
                    config=config,
                )
                config = b""
                slots = [table.parameters, *table.slots.values()]
                values = retrieved if table.slots else [retrieved]
                for sharded, value in zip(slots, values, strict=True):
                    # Tables of few rows have none on the last hosts.
                    if host_id < len(sharded.variables):
                        sharded.variables[host_id].assign(value)


def _op(verb: str, table: TableSpec) -> Callable[..., Any]:
    algorithm = algorithm_of(table.optimizer).op
    op: Callable[..., Any] = getattr(
        tf.raw_ops, f"{verb}TPUEmbedding{algorithm}Parameters"
    )
    return op


def _shard_or_zeros(shards: Sequence[tf.Variable], host_id: int) -> Any:
    """Returns a host's rows, or a row of zeros: the TPU wants one on every host."""
    if host_id < len(shards):
        return shards[host_id]
    return tf.zeros_like(shards[0])
