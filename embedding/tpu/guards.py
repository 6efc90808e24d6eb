"""Conditions on a batch before its enqueue op may be built.

The op runs on the host of a core. Inside `strategy.run` it is taken out of the TPU's
program and put before it, which only works for ops that stand at the top of the program
and take their inputs from its arguments.
"""

from typing import Any

import tensorflow as tf

# The control flow context that marks the inside of `strategy.run` has no public name.
from tensorflow.python.tpu.tpu_replication import TPUReplicateContext


def is_inside_run() -> bool:
    """Returns whether ops built now belong to the program of `strategy.run`.

    Raises:
        RuntimeError: inside control flow, or a `tf.function`, inside `strategy.run`.
    """
    current = tf.compat.v1.get_default_graph()
    graph = current
    while graph is not None and not _has_replicate_context(graph):
        graph = getattr(graph, "outer_graph", None)
    if graph is None:
        return False
    if graph is not current:
        raise RuntimeError(
            f"Current graph {current} does not match graph which contains "
            f"TPUReplicateContext {graph}: enqueue was called in control flow or in a "
            "tf.function inside `strategy.run`, from where it cannot be moved to the "
            "host. Call it at the top of the function given to strategy.run, or "
            "outside of strategy.run."
        )
    return True


def check_direct(path: str, ids: Any) -> None:
    """Checks that ids come straight from the arguments of `strategy.run`.

    Args:
        path: the feature's path, for the message.
        ids: a Tensor, SparseTensor or RaggedTensor.

    Raises:
        ValueError: if an op of the program made or changed them.
    """
    for tensor in tf.nest.flatten(ids, expand_composites=True):
        if tensor.op.type == "Placeholder":
            continue
        try:
            is_argument = tensor.op.get_attr("_tpu_input_identity")
        except ValueError:
            is_argument = False
        if not is_argument:
            raise ValueError(
                f"Received input tensor {path} which is the output of op "
                f"{tensor.op.name} (type {tensor.op.type}) which does not have the "
                "`_tpu_input_identity` attr. Pass the arguments of the function given "
                "to strategy.run to enqueue unchanged. If dynamic batch sizes put the "
                "op there, run with tf.distribute.RunOptions("
                "experimental_enable_dynamic_batch_size=False)."
            )


def check_on_host(path: str, ids: Any) -> None:
    """Checks that ids lie in the memory of a host.

    Args:
        path: the feature's path, for the message.
        ids: a Tensor, a composite or `tf.distribute.DistributedValues` of them.

    Raises:
        ValueError: if a tensor is placed on a TPU.
    """
    for tensor in tf.nest.flatten(ids, expand_composites=True):
        for source in _sources(tensor):
            if tf.DeviceSpec.from_string(source.device).device_type == "TPU":
                raise ValueError(
                    f"Received input tensor {path} which is on a TPU input device "
                    f"{source.device}. Ids must stay on the CPU: distribute the "
                    "dataset with tf.distribute.InputOptions("
                    "experimental_fetch_to_device=False)."
                )


def _has_replicate_context(graph: Any) -> bool:
    # How TensorFlow itself finds out what its ops are being built for.
    context = graph._get_control_flow_context()
    while context is not None and not isinstance(context, TPUReplicateContext):
        context = context.outer_context
    return context is not None


def _sources(tensor: Any) -> list[Any]:
    """Returns the tensors that feed an argument of `strategy.run`, else `tensor`."""
    if tf.is_symbolic_tensor(tensor) and tensor.op.type == "Identity":
        maker = tensor.op.inputs[0].op
        if maker.type == "TPUReplicatedInput":
            return list(maker.inputs)
    return [tensor]
