"""A training step on a host, and on a cluster: processor time of host and chief.

    python -m benchmarks.scale.programs.hosts engine WORKLOAD
    python -m benchmarks.scale.programs.hosts chief WORKLOAD

`engine` takes steps on one host of this process. `chief` takes them on hosts that
are processes of their own, reached over loopback, and counts this process only, which
draws no ids and has no dense model. Prints {"cpu_s": of one step}.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import tensorflow as tf

from benchmarks.engine.programs.ours import inputs, new_engine, train_step
from benchmarks.engine.workload import BATCHES, Workload
from benchmarks.scale.workload import CLUSTER_HOSTS
from shardline import embedding
from shardline.embedding.cluster import Cluster

_STEPS = 24
_tpu = tf.tpu.experimental.embedding


def step_cpu_s(engine: embedding.TPUEmbedding, workload: Workload) -> float:
    """Returns the processor time of a step of this process, in seconds."""
    step, batches = train_step(engine, workload), inputs(workload)
    for number in range(3):  # The first one traces.
        step(batches[number])
    started_s = time.process_time()
    for number in range(_STEPS):
        step(batches[number % BATCHES])
    return (time.process_time() - started_s) / _STEPS


@contextlib.contextmanager
def cluster_of_processes() -> Iterator[Cluster]:
    """Starts hosts as processes, and yields the cluster, connected."""
    addresses = [f"127.0.0.1:{port}" for port in _free_ports(CLUSTER_HOSTS + 1)]
    cluster = {"chief": addresses[:1], "worker": addresses[1:]}
    hosts = []
    try:
        for index in range(CLUSTER_HOSTS):
            task = {"type": "worker", "index": index}
            text = json.dumps({"cluster": cluster, "task": task})
            hosts.append(
                subprocess.Popen(
                    [sys.executable, "-m", "shardline.embedding.cluster"],
                    env=os.environ | {"TF_CONFIG": text},
                    stdout=subprocess.DEVNULL,
                )
            )
        task = {"type": "chief", "index": 0}
        connected = Cluster.from_tf_config(
            json.dumps({"cluster": cluster, "task": task})
        )
        connected.connect()
        yield connected
    finally:
        for host in hosts:
            host.send_signal(signal.SIGKILL)
            host.wait()


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [
            stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            for _ in range(count)
        ]
        return [one.getsockname()[1] for one in sockets]


def _engine_on(cluster: Cluster, workload: Workload) -> embedding.TPUEmbedding:
    features = {
        f"f{k:02}": _tpu.FeatureConfig(
            table=_tpu.TableConfig(workload.rows, workload.dim, combiner="sum")
        )
        for k in range(workload.tables)
    }
    engine = embedding.TPUEmbedding(features, _tpu.Adagrad(0.05), hosts=cluster.hosts)
    engine.build(workload.batch)
    return engine


def main() -> None:
    """Takes steps and says what one of them took."""
    workload = Workload.from_json(sys.argv[2])
    if sys.argv[1] == "engine":
        cpu_s = step_cpu_s(new_engine(workload, 1), workload)
    else:
        with cluster_of_processes() as cluster:
            cpu_s = step_cpu_s(_engine_on(cluster, workload), workload)
    print(json.dumps({"cpu_s": cpu_s}))


if __name__ == "__main__":
    main()
