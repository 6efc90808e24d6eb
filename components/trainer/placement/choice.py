"""Which placement a training has, and how many hosts that are."""

from shardline.components.trainer.placement.cluster import ClusterHosts
from shardline.components.trainer.placement.logical import LogicalHosts
from shardline.components.trainer.placement.placement import Placement
from shardline.configs.locations import is_remote
from shardline.configs.schema import ClusterTasks, Training
from shardline.embedding.cluster import Cluster
from shardline.embedding.tpu.connection import LOCAL, check_installed


def placed(training: Training) -> Placement:
    """Returns where a training runs.

    Nothing may have started TensorFlow's runtime, unless rows lie in this process.

    Args:
        training: says so.

    Raises:
        RuntimeError: if TensorFlow runs with fewer hosts already.
        ValueError: if TF_CONFIG is to say who the tasks are, and does not.
        TPUMissingError: if the TPU is not there.
    """
    if training.cluster:
        return ClusterHosts(cluster_of(training.cluster))
    if training.tpu:
        # Loaded on a TPU only.
        from shardline.components.trainer.placement.tpu import TPUHosts

        return TPUHosts(training.tpu)
    return LogicalHosts(training.hosts)


def check_place(training: Training) -> None:
    """Checks what can be known of a cluster or TPU without reaching it.

    Args:
        training: names it.

    Raises:
        ValueError: if TF_CONFIG is to say who the tasks are, and does not.
        TPUMissingError: if TensorFlow, as it is installed, cannot drive a TPU.
    """
    host_count(training)
    if training.tpu:
        check_installed(training.tpu)


def check_output(training: Training, checkpoint_uri: str) -> None:
    """Checks that all hosts can write the checkpoint, as far as its location tells.

    Args:
        training: says where they are.
        checkpoint_uri: the folder that it goes to.

    Raises:
        ValueError: if they cannot.
    """
    host = _host_elsewhere(training)
    if host and is_remote(checkpoint_uri):
        raise ValueError(
            f"The checkpoint goes to {checkpoint_uri}, and each {host} writes its rows "
            "as a file. Give a run folder that this machine and they see by the same "
            "path, such as a mounted volume."
        )


def _host_elsewhere(training: Training) -> str | None:
    """Returns what a host is that is no part of this machine; None if there is none."""
    if training.cluster:
        return "worker of a cluster"
    if training.tpu and training.tpu != LOCAL:
        return f"host of TPU '{training.tpu}'"
    return None


def host_count(training: Training) -> int:
    """Returns how many hosts the rows of a training are split over.

    Args:
        training: says so.

    Raises:
        ValueError: if TF_CONFIG is to say who the tasks are, and does not.
    """
    if training.cluster:
        return len(cluster_of(training.cluster).workers)
    return training.hosts


def cluster_of(tasks: ClusterTasks) -> Cluster:
    """Returns a cluster, seen from its chief.

    Args:
        tasks: its tasks, or that the environment names them.

    Raises:
        ValueError: if the environment does not, or this process is not the chief.
    """
    if tasks.chief is not None:
        return Cluster(tasks.chief, tasks.workers, "chief", 0)
    cluster = Cluster.from_tf_config()
    if cluster.task_type != "chief":
        raise ValueError(
            f"TF_CONFIG says that this process is {cluster.task_type} "
            f"{cluster.task_index}. `shardline run` is the chief: set "
            '"task": {"type": "chief", "index": 0} here, and run `shardline worker` '
            "where it says worker."
        )
    return cluster
