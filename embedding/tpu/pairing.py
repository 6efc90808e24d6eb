"""Whether the batches, receives and gradients of a graph pair up.

A TPU executes them in the order of steps. A batch that nobody receives fills the queue,
a receive without a batch waits forever, and so does the step after a training batch
whose gradients were not sent.
"""

import collections
from collections.abc import Iterator
from typing import Any

import tensorflow as tf

from shardline.embedding.tpu.graph_walk import EmbeddingOp


def pairing_faults(program: list[EmbeddingOp], cores: int) -> Iterator[str]:
    """Yields what does not pair up among the ops of a program.

    A program that only enqueues, or only receives, has its counterpart elsewhere, and
    is not judged by it.

    Args:
        program: its embedding ops.
        cores: the cores of the whole system.
    """
    yield from _label_faults(program)
    clusters = _by_cluster(program)
    for name, ops in clusters.items():
        yield from _cluster_faults(name, ops)
    outside = [op for op in program if op.verb == "Enqueue" and not op.cluster]
    steps = [ops for ops in clusters.values() if _count(ops, "Recv")]
    if outside and steps:
        yield from _core_faults(outside, steps, cores)


def _by_cluster(program: list[EmbeddingOp]) -> dict[str, list[EmbeddingOp]]:
    clusters: dict[str, list[EmbeddingOp]] = collections.defaultdict(list)
    for op in program:
        if op.cluster and op.verb in ("Enqueue", "Recv", "Send"):
            clusters[op.cluster].append(op)
    return clusters


def _count(ops: list[EmbeddingOp], verb: str) -> int:
    return sum(op.verb == verb for op in ops)


def _label_faults(program: list[EmbeddingOp]) -> Iterator[str]:
    """What TensorFlow's pass refuses that picks the mode of labelled batches."""
    counts = collections.Counter(
        (op.body, op.label, op.verb) for op in program if op.label
    )
    for (_, label, verb), count in counts.items():
        if count > 1 and verb in ("Enqueue", "Recv", "Send"):
            yield (
                f"The name '{label}' is on {count} {verb} ops of a function; one is "
                "allowed. Use a name for each step, and enqueue inside strategy.run."
            )
    verbs: dict[tuple[int, str], set[str]] = collections.defaultdict(set)
    for body, label, verb in counts:
        verbs[body, label].add(verb)
    for (_, label), found in verbs.items():
        if ("Enqueue" in found) != ("Recv" in found):
            yield (
                f"The name '{label}' is on {sorted(found)} ops of a function; "
                "enqueue and dequeue of a name belong into one function."
            )


def _cluster_faults(name: str, ops: list[EmbeddingOp]) -> Iterator[str]:
    for verb in ("Enqueue", "Recv", "Send"):
        if _count(ops, verb) > 1:
            yield (
                f"strategy.run '{name}' has {_count(ops, verb)} {verb} ops; one is "
                "allowed in the program of a step."
            )
    if _count(ops, "Send") and not _count(ops, "Recv"):
        yield (
            f"strategy.run '{name}' sends gradients of a batch that it does not "
            "receive; call dequeue in it."
        )
    batches = [op for op in ops if op.verb == "Enqueue"]
    if batches and not _count(ops, "Recv"):
        yield f"strategy.run '{name}' enqueues a batch and does not receive it."
    for op in batches:
        # The mode of a labelled batch is picked by whether gradients are sent.
        if not op.label:
            yield from _mode_faults(op, bool(_count(ops, "Send")))


def _mode_faults(op: EmbeddingOp, sends: bool) -> Iterator[str]:
    mode = _mode(op)
    if mode == "train" and not sends:
        yield (
            f"{op} enqueues a training batch whose gradients are never sent: the "
            "next step would wait forever. Enqueue with training=False, or call "
            "apply_gradients."
        )
    if mode == "inference" and sends:
        yield (
            f"{op} enqueues a batch with training=False, but its gradients are sent: "
            "the TPU would wait forever. Enqueue with training=True."
        )


def _core_faults(
    batches: list[EmbeddingOp], steps: list[list[EmbeddingOp]], cores: int
) -> Iterator[str]:
    by_core: dict[tuple[str, int], list[EmbeddingOp]] = collections.defaultdict(list)
    for op in batches:
        by_core[op.op.device, op.op.get_attr("device_ordinal")].append(op)
    if len(by_core) != cores:
        yield (
            f"The graph receives on all {cores} cores, and enqueues for "
            f"{len(by_core)} of them: the rest would wait forever."
        )
    training_steps = sum(bool(_count(step, "Send")) for step in steps)
    for (host, ordinal), ops in by_core.items():
        core = f"core {ordinal} of {host}"
        if len(ops) != len(steps):
            yield (
                f"The graph enqueues {len(ops)} batches for {core} and receives "
                f"{len(steps)}: one enqueue belongs to one dequeue."
            )
        elif len(steps) == 1:
            yield from _mode_faults(ops[0], bool(training_steps))
        elif [_mode(op) for op in ops].count("train") > training_steps:
            yield f"{core} gets more training batches than steps that send gradients."


def _mode(op: EmbeddingOp) -> str | None:
    """Returns the mode of a batch, None if a tensor decides about it."""
    source: Any = op.op.inputs[-1].op
    if source.type in ("Select", "SelectV2"):
        chosen = tf.get_static_value(source.inputs[0])
        if chosen is None:
            return None
        source = source.inputs[1 if chosen else 2].op
    value = tf.get_static_value(source.outputs[0])
    return None if value is None else tf.compat.as_str(value.item())
