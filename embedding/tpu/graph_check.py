"""Refuses, at trace time, graphs a TPU would reject or deadlock on.

Without a TPU nothing rejects such graphs, and with one it takes minutes, or never
happens. Checked are rules of the kernels and of TensorFlow's passes over TPU graphs:
what each op is given, that load and retrieve cover every table of every host, and that
batches, receives and gradients pair up.
"""

import collections
import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any

import tensorflow as tf

from shardline.embedding.tpu.algorithms import ALGORITHMS
from shardline.embedding.tpu.config_proto import Configuration
from shardline.embedding.tpu.graph_walk import EmbeddingOp, programs
from shardline.embedding.tpu.pairing import pairing_faults

_OPS = {algorithm.field: algorithm.op for algorithm in ALGORITHMS.values()}


def check_tpu_graph(
    graph: tf.Graph,
    config: bytes | None = None,
    combiners: Sequence[str] | None = None,
) -> None:
    """Checks the embedding ops of a graph and of the functions it calls.

    Args:
        graph: such as `step.get_concrete_function(...).graph`.
        config: serialized TPUEmbeddingConfiguration of the engine; None to take the
            one that the graph's own ops hold.
        combiners: of each table, in the configuration's order; None to check only that
            each table has one.

    Raises:
        ValueError: with all that is wrong, if a TPU would not run the graph; or if no
            configuration is given and the graph holds none.
    """
    found = programs(graph)
    if config is None:
        config = _held_config(found)
    parsed = Configuration.FromString(config)
    faults = list(_config_faults(parsed))
    for program in found:
        for op in program:
            faults += _op_faults(op, parsed, config, combiners)
        faults += _transfer_faults(program, parsed)
        faults += pairing_faults(program, parsed.num_tensor_cores)
    if faults:
        lines = "".join(f"\n- {fault}" for fault in dict.fromkeys(faults))
        raise ValueError(f"A TPU would not run this graph:{lines}")


def _held_config(found: list[list[EmbeddingOp]]) -> bytes:
    for op in itertools.chain.from_iterable(found):
        if "config" in op.op.node_def.attr and op.op.get_attr("config"):
            return bytes(op.op.get_attr("config"))
    raise ValueError(
        "No op of the graph holds a TPUEmbeddingConfiguration. Pass `config`, or check "
        "the graph of a whole step."
    )


def _config_faults(config: Any) -> Iterator[str]:
    names = [table.name for table in config.table_descriptor]
    if "" in names or len(set(names)) < len(names):
        yield f"Table names must be unique and not empty; got {names}."
    if not config.feature_descriptor:
        yield "The configuration describes no feature."
    tags = _rate_tags(config)
    if tags != set(range(len(tags))):
        yield f"Tags of learning rates must count from 0; got {sorted(tags)}."


def _rate_tags(config: Any) -> set[int]:
    rates = [t.optimization_parameters.learning_rate for t in config.table_descriptor]
    return {rate.dynamic.tag for rate in rates if rate.HasField("dynamic")}


def _op_faults(
    op: EmbeddingOp, config: Any, serialized: bytes, combiners: Sequence[str] | None
) -> Iterator[str]:
    if "config" in op.op.node_def.attr:
        held = op.op.get_attr("config")
        # Of the ops that copy tables, one of a graph is enough to hold it.
        may_lack_it = op.verb in ("Load", "Retrieve")
        if held != serialized and (held or not may_lack_it):
            yield f"{op} has another configuration than the engine."
    match op.verb:
        case "Enqueue" | "DynamicEnqueue":
            yield from _enqueue_faults(op, config, combiners)
        case "Recv":
            yield from _receive_faults(op, config)
        case "Send":
            yield from _send_faults(op, config)


def _enqueue_faults(
    op: EmbeddingOp, config: Any, combiners: Sequence[str] | None
) -> Iterator[str]:
    if op.kind != "ArbitraryTensorBatch":
        yield f"{op} has no kernel; use EnqueueTPUEmbeddingArbitraryTensorBatch."
        return
    attributes = {name: op.op.get_attr(name) for name in ("T1", "T2", "T3", "N")}
    expected = {
        "T1": tf.int32,
        "T2": tf.int64,
        "T3": tf.float32,
        "N": len(config.feature_descriptor),
    }
    if attributes != expected:
        yield f"{op} needs {expected} (rows, ids, weights, features); got {attributes}."
    found = [tf.compat.as_str(word) for word in op.op.get_attr("combiners")]
    if len(found) != len(config.table_descriptor) or (
        combiners is not None and found != list(combiners)
    ):
        tables = [table.name for table in config.table_descriptor]
        yield f"{op} needs a combiner for each of {tables}, in order; got {found}."
    if not set(found) <= {"sum", "mean", "sqrtn"}:
        yield f"{op}: combiners must be sum, mean or sqrtn; got {found}."
    if op.verb == "Enqueue":
        yield from _placement_faults(op, config)


def _placement_faults(op: EmbeddingOp, config: Any) -> Iterator[str]:
    ordinal = op.op.get_attr("device_ordinal")
    if op.cluster and not op.is_outside_compiled:
        yield (
            f"{op} belongs to the TPU's program, which cannot enqueue; call enqueue of "
            "the embedding engine at the top of the function given to strategy.run."
        )
    if op.cluster:
        return
    device = tf.DeviceSpec.from_string(op.op.device)
    if device.device_type != "CPU" or device.task is None:
        yield f"{op} must be on the CPU of its core's host; it is on '{op.op.device}'."
    per_host = config.num_tensor_cores // max(config.num_hosts, 1)
    if not 0 <= ordinal < per_host:
        yield f"{op}: device_ordinal must be in [0, {per_host}); got {ordinal}."


def _receive_faults(op: EmbeddingOp, config: Any) -> Iterator[str]:
    yield from _program_faults(op)
    features = len(config.feature_descriptor)
    if op.op.get_attr("num_outputs") != features:
        yield (
            f"{op} must give {features} features; it gives "
            f"{op.op.get_attr('num_outputs')}."
        )


def _send_faults(op: EmbeddingOp, config: Any) -> Iterator[str]:
    yield from _program_faults(op)
    rates, tags = op.op.get_attr("NN"), len(_rate_tags(config))
    if rates != tags:
        yield f"{op} needs {tags} learning rates, one a tag; got {rates}."
    gradients = list(op.op.inputs)[: op.op.get_attr("N")]
    expected = [_activation_shape(f, config) for f in config.feature_descriptor]
    shapes = [gradient.shape for gradient in gradients]
    # The op takes any shape; the TPU's program would not.
    if [s.as_list() if s.rank is not None else None for s in shapes] != expected:
        yield f"{op} needs gradients of the shapes {expected}; got {shapes}."


def _activation_shape(feature: Any, config: Any) -> list[int]:
    first, *rest = feature.input_shape
    if config.spmd_sharding.enabled:
        first *= config.spmd_sharding.num_cores_per_replica
    return [first, *rest, config.table_descriptor[feature.table_id].dimension]


def _program_faults(op: EmbeddingOp) -> Iterator[str]:
    if not op.cluster:
        yield f"{op} stands outside of strategy.run, where no TPU executes it."


def _transfer_faults(program: list[EmbeddingOp], config: Any) -> Iterator[str]:
    """Ops that move a table are merged, in each function, to one op a host."""
    groups: dict[tuple[str, int], list[EmbeddingOp]] = collections.defaultdict(list)
    for op in program:
        if op.verb in ("Load", "Retrieve"):
            groups[op.verb, op.body].append(op)
    for (verb, _), ops in groups.items():
        if not any(op.op.get_attr("config") for op in ops):
            yield f"No {verb} op of a function holds the configuration; one must."
        yield from _coverage_faults(verb, ops, config)


def _coverage_faults(verb: str, ops: list[EmbeddingOp], config: Any) -> Iterator[str]:
    tables = {table.name: table for table in config.table_descriptor}
    counts: collections.Counter[tuple[str, int]] = collections.Counter()
    devices: dict[int, set[str]] = collections.defaultdict(set)
    for op in ops:
        name = tf.compat.as_str(op.op.get_attr("table_name"))
        shard = op.op.get_attr("shard_id")
        counts[name, shard] += 1
        devices[shard].add(op.op.device)
        if name not in tables:
            yield f"{op} names table '{name}'; the tables are {sorted(tables)}."
            continue
        yield from _shard_faults(op, tables[name], shard, config.num_hosts)
    for shard in range(config.num_hosts):
        for name in tables:
            if counts[name, shard] != 1:
                yield (
                    f"Table '{name}' needs one {verb} op for host {shard} in the "
                    f"graph, beside all others; got {counts[name, shard]}."
                )
        if len(devices[shard]) > 1:
            yield f"{verb} ops of host {shard} are on devices {devices[shard]}."
    if len(set().union(*devices.values())) < len(devices):
        yield f"{verb} ops of different hosts are on one device: {dict(devices)}."


def _shard_faults(op: EmbeddingOp, table: Any, shard: int, hosts: int) -> Iterator[str]:
    parameters = table.optimization_parameters
    algorithm = _OPS.get(parameters.WhichOneof("parameters") or "")
    if op.kind != f"{algorithm}Parameters":
        yield f"{op} does not fit table '{table.name}', whose optimizer is {algorithm}."
    if op.op.get_attr("num_shards") != hosts or not 0 <= shard < hosts:
        yield (
            f"{op} moves shard {shard} of {op.op.get_attr('num_shards')}; the system "
            f"has {hosts} hosts."
        )
        return
    rows = math.ceil((table.vocabulary_size - shard) / hosts)
    for value in op.op.inputs if op.verb == "Load" else ():
        if not value.shape.is_compatible_with([rows, table.dimension]):
            yield (
                f"{op}: host {shard} holds [{rows}, {table.dimension}] of table "
                f"'{table.name}'; got {value.shape}."
            )
