"""Which place a user has chosen, from the options of the command line."""

import dataclasses

from shardline.embedding.cluster import Cluster
from shardline.embedding.conformance.placement import (
    HostPlacement,
    Placement,
    cluster_placement,
)
from shardline.embedding.hosts import configure_logical_hosts

_DEFAULT_HOSTS = 2
_REMEDY = "Start each on its address, and run the command again."


def chosen_placement(hosts: int | None, cluster: bool, tpu: str | None) -> Placement:
    """Connects to the chosen place; call it before any other use of TensorFlow.

    Args:
        hosts: so many logical hosts of this process; None for the default, 2.
        cluster: the hosts of the cluster in TF_CONFIG, whose chief this process is.
        tpu: "local", the name of a TPU, or "grpc://address:port".

    Raises:
        ValueError: if more than one place is chosen, `hosts` is below 1, `tpu` is
            empty, or TF_CONFIG is faulty.
        HostLostError: if a host does not answer.
        TPUMissingError: if there is no such TPU.
        RuntimeError: if this process is no chief, or TensorFlow already runs with
            fewer CPU devices.
    """
    chosen = {
        "--hosts": hosts is not None,
        "--cluster": cluster,
        "--tpu": tpu is not None,
    }
    given = [option for option, is_given in chosen.items() if is_given]
    if len(given) > 1:
        raise ValueError(f"{' and '.join(given)} exclude each other: choose one place.")
    if cluster:
        found = dataclasses.replace(Cluster.from_tf_config(), remedy=_REMEDY)
        found.connect()
        return cluster_placement(found)
    if tpu is not None:
        if not tpu.strip():
            raise ValueError(
                "--tpu is empty, and names no TPU. Is the variable set that names it? "
                "Give local, a name, or grpc://address:port."
            )
        # Loaded for a TPU only.
        from shardline.embedding.conformance.tpu_placement import TPUPlacement

        return TPUPlacement(tpu)
    count = _DEFAULT_HOSTS if hosts is None else hosts
    if count < 1:
        raise ValueError(f"--hosts must be at least 1, got {count}.")
    # One more than one, so that checkpoints can move to another number of hosts.
    devices = configure_logical_hosts(max(count, 2))[:count]
    return HostPlacement(devices, f"{count} logical host{'s' * (count > 1)}")
