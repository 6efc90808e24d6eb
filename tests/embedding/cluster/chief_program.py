"""The chief of a test cluster: a process that does what its test asks for by name.

Run by `runpy` with TF_CONFIG, and CONNECTION, from which it takes (name, arguments) and
to which it answers (True, result) or (False, error).
"""

import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import tensorflow as tf

from shardline import embedding
from shardline.embedding.checkpoint.warm_start.object_source import ObjectSource
from shardline.embedding.checkpoint.warm_start.row_map import Means, RowMap
from shardline.embedding.checkpoint.warm_start.starting import warm_start
from shardline.embedding.cluster import Cluster

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))

import cut_files
import scenario
import survival
import traffic

QUIET_S = 0.2


class Chief:
    """Each public method can be asked for."""

    def __init__(self, cluster: Cluster):
        self._cluster = cluster
        self._training: scenario.Training | None = None
        self._manager: tf.train.CheckpointManager | None = None

    def connect(self) -> list[str]:
        self._cluster.connect()
        return [device.name for device in tf.config.list_logical_devices("CPU")]

    def reconnect(self) -> None:
        self._training = self._manager = None
        self._cluster.reconnect()

    def create(self, hosts: int, **options: Any) -> None:
        """Makes a new engine; drops the last one."""
        self._training = self._manager = None
        self._training = self._cluster.run(
            scenario.Training, self._cluster.hosts[:hosts], **options
        )

    def fill(self) -> None:
        self._training.fill()

    def train(self, drawn: list) -> list:
        return scenario.train(self._training, drawn, self._cluster.run)

    def train_ahead(self, drawn: list) -> list:
        """Trains while another thread enqueues; returns the activations."""
        run, training = self._cluster.run, self._training

        def feed() -> None:
            for batch in drawn:
                run(training.enqueue, *scenario.inputs(batch))

        feeding = threading.Thread(target=feed, daemon=True)
        feeding.start()
        # Until the queues are full and the other thread waits.
        time.sleep(1)
        activations = [run(training.train_on_next) for _ in drawn]
        feeding.join(30)
        return [scenario.numpy(found) for found in activations]

    def train_on(self, drawn: list) -> None:
        """Trains on the same batches for ever."""
        while True:
            self.train(drawn)

    def seconds_to_loss(self, drawn: list) -> tuple[float, Exception]:
        """Returns how long one step took to fail, and its error."""
        started_s = time.monotonic()
        try:
            self.train(drawn)
        except RuntimeError as error:
            return time.monotonic() - started_s, error
        raise AssertionError("no host was lost")

    def state(self) -> dict:
        return self._cluster.run(self._training.state)

    def devices(self) -> dict:
        return self._training.devices()

    def write(self, path: str) -> None:
        options = embedding.host_sharded_options()
        self._cluster.run(self._training.checkpoint.write, path, options)

    def read(self, path: str) -> None:
        status = self._cluster.run(self._training.checkpoint.read, path)
        status.assert_existing_objects_matched()

    def begin_with(self, path: str, sources: Any, means: Any) -> None:
        """Begins the table "items" with rows of a checkpoint, and means of them."""
        row_map = RowMap(sources, means=Means(*means))
        source = ObjectSource(path, ["items"])
        engine = self._training.engine
        self._cluster.run(warm_start, engine, source, {"items": row_map})

    def save(self, folder: str) -> str:
        """Saves as a training loop does; returns the path."""
        if self._manager is None:
            self._manager = tf.train.CheckpointManager(
                self._training.checkpoint, folder, max_to_keep=2
            )
        return self._cluster.run(self._manager.save)

    def cut(self, differential: bool, folder: str) -> tuple[dict, dict]:
        """Begins a cut; returns the state that it is of, and how many rows it has."""
        state = self.state()
        self._cut = self._training.engine.cut(differential, folder)
        return state, self._cut.rows

    def write_cut(self, drawn: list, folder: str) -> list:
        """Writes the cut while it trains; returns each host's file and pieces."""
        hosts = len(self._training.engine.hosts)
        paths = [Path(folder) / f"host{host}" for host in range(hosts)]
        with ThreadPoolExecutor(hosts) as pool:
            pieces = pool.map(self._cut.write, range(hosts), map(str, paths))
            self.train(drawn)
            written = list(zip(paths, pieces, strict=True))
        self._cut.end(True)
        return written

    def hang_cut(self, drawn: list, folder: str) -> str:
        """Trains while the disk of host 1 does not answer; returns the write's error.

        The file opens only when training is done.
        """
        write = cut_files.HangingWrite(self._cut, 1, Path(folder))
        self.train(drawn)
        write.release()
        self._cut.end(False)
        return str(write.error)

    def touched_rows(self) -> dict:
        return self._training.engine.touched_rows()

    def latest(self) -> str | None:
        return self._manager.latest_checkpoint

    def seen_by_steps(self, host: str, times: int) -> list[float]:
        """Returns what steps read right after a slow operation assigned 1."""
        with tf.device(host):
            variable, matrix = tf.Variable(0.0), tf.random.uniform([1500, 1500])

        @tf.function
        def step() -> tf.Tensor:
            with tf.device(host):
                return variable.read_value()

        seen = []
        for _ in range(times):
            with tf.device(host):
                variable.assign(0.0)
                step()
                variable.assign(tf.minimum(tf.reduce_sum(matrix @ matrix), 1.0))
            seen.append(float(step()))
        return seen

    def read_nothing(self, host: str) -> None:
        """Reads a checkpoint on a host that is not there; asks for no value."""
        with tf.device(host):
            tf.raw_ops.RestoreV2(
                prefix="/nowhere/at/all",
                tensor_names=["x"],
                shape_and_slices=[""],
                dtypes=[tf.float32],
            )

    def survive(self, **arguments: Any) -> dict:
        """Trains through the loss of hosts."""
        self._training = self._manager = None
        return survival.train(self._cluster, **arguments)

    def bytes_per_step(self, ids_per_example: int, steps: int = 10) -> float:
        """Returns the bytes that one step moves between the tasks, on average."""
        rows = self._training.state()["items"].shape[0]
        row = [number * rows // ids_per_example for number in range(ids_per_example)]
        batch = {
            "clicks": [row] * scenario.BATCH,
            "weights": [[1.0] * ids_per_example] * scenario.BATCH,
            "history": [[1]] * scenario.BATCH,
            "user": [1] * scenario.BATCH,
        }
        arguments = scenario.inputs(batch)
        step = self._training.step
        # The first call traces and sends the graphs, the second may still settle.
        for _ in range(2):
            step(*arguments)
        before = self._bytes()
        for _ in range(steps):
            step(*arguments)
        return (self._bytes() - before) / steps

    def bytes_of(self, request: str, **arguments: Any) -> int:
        """Returns the bytes that another request moves between the tasks."""
        before = self._bytes()
        getattr(self, request)(**arguments)
        return self._bytes() - before

    def _bytes(self) -> int:
        time.sleep(QUIET_S)
        addresses = (self._cluster.chief, *self._cluster.workers)
        return traffic.bytes_through({int(at.rpartition(":")[2]) for at in addresses})


def answer(connection: Any, chief: Chief) -> None:
    """Answers until the other side hangs up."""
    while True:
        try:
            name, arguments = connection.recv()
        except EOFError:
            return
        try:
            reply = True, getattr(chief, name)(**arguments)
        except Exception as error:  # told to the test
            reply = False, error
        connection.send(reply)


if __name__ == "__main__":
    answer(CONNECTION, Chief(Cluster.from_tf_config(TF_CONFIG)))  # noqa: F821
