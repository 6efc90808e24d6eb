"""The chief of a test cluster, placed as the Trainer places it.

Run by `runpy` with TF_CONFIG, and CONNECTION, from which it takes what `train` does and
to which it answers (True, result) or (False, error).
"""

import logging
from typing import Any

import tensorflow as tf

from shardline.components.trainer.placement.cluster import ClusterHosts
from shardline.embedding import cluster
from shardline.embedding.native import library

hosts = ClusterHosts(cluster.Cluster.from_tf_config(TF_CONFIG))  # noqa: F821
told = []
handler = logging.Handler()
handler.emit = lambda record: told.append(record.getMessage())
logging.getLogger("shardline.trainer").addHandler(handler)
logging.getLogger("shardline.trainer").setLevel(logging.INFO)


@tf.function
def doubled(value: tf.Tensor) -> tf.Tensor:
    with tf.device(hosts.hosts[-1]):
        return 2 * value


def train(attempt: Any) -> float:
    attempt.resumes_from(0)
    return float(hosts.run(doubled, tf.constant(4.0)))


def answer(name: str) -> Any:
    if name == "with_other_kernels":
        library.digest_of = lambda path: "of another build"
    return hosts.survive(train), told


name, _ = CONNECTION.recv()  # noqa: F821
try:
    reply = True, answer(name)
except Exception as error:  # told to the test
    reply = False, error
CONNECTION.send(reply)  # noqa: F821
