"""Connects to a TPU system, and says in one sentence why there is none.

TensorFlow by itself tries on for minutes at an address where nobody answers, and ends
with a missing kernel where a wheel without TPUs is installed.
"""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

# No public name tells which ops can run.
from tensorflow.python.framework import kernels

from shardline.embedding.cluster.liveness import await_servers

LOCAL = "local"

_INITIALIZES = "ConfigureDistributedTPU"
_ANSWER_WITHIN_S = 30.0


class TPUMissingError(RuntimeError):
    """There is no TPU of that name, or it cannot be reached or used."""


def connect(
    name: str,
    resolver_of: Callable[..., Any] = tf.distribute.cluster_resolver.TPUClusterResolver,
    *,
    within_s: float = _ANSWER_WITHIN_S,
) -> Any:
    """Connects to a TPU system and initialises it; what it held is gone.

    Call it before any other use of TensorFlow, or again to start anew.

    Args:
        name: "local" for the TPU of this machine; the name of a TPU in the cloud of
            this machine; or "grpc://address:port".
        resolver_of: makes a resolver of `tpu=name`.
        within_s: how long the TPU's hosts may take to answer, in seconds.

    Returns:
        The resolver, as `tf.distribute.TPUStrategy` takes it.

    Raises:
        TPUMissingError: if there is none.
    """
    check_installed(name)
    resolver = _resolved(name, resolver_of, within_s)
    try:
        tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
    except (tf.errors.OpError, RuntimeError) as error:
        raise TPUMissingError(
            f"TPU '{name}' cannot be initialised: {_first_line(error)}. Is it in use "
            "by another process, or of another version of TensorFlow?"
        ) from error
    return resolver


def check_installed(name: str) -> None:
    """Checks that TensorFlow can drive a TPU, without looking for it.

    Args:
        name: as of `connect`. What is not of this machine needs no part of TensorFlow.

    Raises:
        TPUMissingError: if it cannot.
    """
    if name == LOCAL and not is_built_for_tpus():
        raise TPUMissingError(
            f"TPU 'local': TensorFlow {tf.version.VERSION} is installed here without "
            "support for TPUs. On a TPU VM install tensorflow-tpu; docs/tpu.md says "
            "how."
        )


def is_built_for_tpus() -> bool:
    """Tells whether the installed TensorFlow can run a TPU of its own machine."""
    return bool(kernels.get_registered_kernels_for_op(_INITIALIZES).kernel)


def _resolved(name: str, resolver_of: Callable[..., Any], within_s: float) -> Any:
    """Returns the resolver of a TPU all of whose hosts answer."""
    try:
        resolver = resolver_of(tpu=name)
        workers = resolver.cluster_spec().as_dict().get("worker", [])
    except (OSError, RuntimeError, ValueError) as error:
        raise TPUMissingError(
            f"TPU '{name}' cannot be found: {_first_line(error)}. A name is looked up "
            "in the cloud that this machine is part of; elsewhere give "
            "grpc://address:port, or local for a TPU of this machine."
        ) from error
    silent = await_servers(workers, within_s) if workers else {}
    if silent:
        faults = "; ".join(f"{workers[at]}: {why}" for at, why in silent.items())
        raise TPUMissingError(
            f"TPU '{name}' does not answer: {faults}. Is it running, and does this "
            "machine reach its network?"
        )
    return resolver


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0].rstrip(".")
