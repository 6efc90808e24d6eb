"""The engine over the tasks of a TensorFlow cluster."""

from shardline.embedding.cluster.cluster import Cluster, HostLostError, WrongHostError

__all__ = ["Cluster", "HostLostError", "WrongHostError"]
