"""Hosts on other machines: tasks of a TensorFlow cluster hold the rows.

One process, the chief, traces and runs every step; the workers only serve their CPU, as
hosts of the engine:

    python -m shardline.embedding.cluster         on each worker, with TF_CONFIG set

    cluster = Cluster.from_tf_config()  # on the chief
    cluster.connect()
    engine = embedding.TPUEmbedding(feature_config, optimizer, hosts=cluster.hosts)
    cluster.run(train_step, batch)

Owns the addresses, the connection, and telling which host is lost. Knows nothing of
tables and steps. Assumes a network that only its own jobs can reach: TensorFlow's
servers ask nobody for a password.
"""

import concurrent.futures
import dataclasses
import functools
import gc
import math
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import tensorflow as tf

from shardline.embedding.cluster.chief_watch import ChiefWatch
from shardline.embedding.cluster.greeting import job_name, strangers
from shardline.embedding.cluster.liveness import (
    NO_GRPC,
    await_servers,
    silent_servers,
)
from shardline.embedding.cluster.lost_variables import be_silent_about_lost_variables
from shardline.embedding.cluster.stop_signals import stops_noted
from shardline.embedding.cluster.tf_config import (
    TaskConfig,
    read_tf_config,
    tf_config_text,
)
from shardline.embedding.native.library import usable_ops

Result = TypeVar("Result")

# The hosts are asked so often during a long step, and have so long to answer: one that
# hangs is named within the sum of both.
_CHECK_EVERY_S = 3.0
_ANSWER_WITHIN_S = 12.0
_CONNECT_WITHIN_S = 120.0
# What is left for the connection itself if hosts took nearly all time to start.
_LEAST_FOR_CONNECTION_S = 30.0
_STOP_CHECK_S = 0.2

_REMEDY = (
    "Start each on its address, then connect with a new engine and the last checkpoint."
)

# Whether TensorFlow goes on before a single operation on another task is done.
_WITHOUT_WAITING = "TF_ENABLE_EAGER_CLIENT_STREAMING_ENQUEUE"

# What TensorFlow raises for a peer that is gone or that came back without its state.
_LOSS_ERRORS = (
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.InternalError,
    tf.errors.UnavailableError,
    tf.errors.UnknownError,
)


class HostLostError(RuntimeError):
    """One or more hosts died, hang, or came back without their tables.

    Attributes:
        hosts: devices of the lost hosts.
        names: what people call them.
    """

    def __init__(
        self, message: str, hosts: Sequence[str] = (), names: Sequence[str] = ()
    ):
        """Keeps the hosts beside the message; without names, the devices are those."""
        super().__init__(message)
        self.hosts = list(hosts)
        self.names = list(names or hosts)


class WrongHostError(RuntimeError):
    """What answers at a host's address is something else, or another host."""


@dataclasses.dataclass(frozen=True)
class Cluster:
    """The tasks of one training job, seen from one of them.

    Attributes:
        chief: "address:port" of the task that runs the steps.
        workers: "address:port" of each host, host 0 first.
        task_type: "chief" or "worker", what this process is.
        task_index: which of them.
        remedy: what a person is to do about lost hosts, in the words of the program
            that trains.
    """

    chief: str
    workers: tuple[str, ...]
    task_type: str
    task_index: int
    remedy: str = dataclasses.field(default=_REMEDY, compare=False)

    @classmethod
    def from_tf_config(cls, text: str | None = None) -> "Cluster":
        """Reads the cluster and this process's place in it.

        Args:
            text: JSON; default, the environment variable TF_CONFIG:
                {"cluster": {"chief": [one], "worker": [one or more]},
                "task": {"type": "chief" or "worker", "index": from 0}}, addresses as
                "name:port". Keys beside these two are left alone.

        Raises:
            ValueError: if it is not set, no JSON, or not of this form; names all
                faults.
        """
        return cls(*read_tf_config(text))

    @property
    def hosts(self) -> list[str]:
        """TensorFlow devices of the hosts, host 0 first; the engine's `hosts`."""
        return [
            f"/job:worker/replica:0/task:{index}/device:CPU:0"
            for index in range(len(self.workers))
        ]

    def tf_config_of(self, host: int) -> str:
        """Returns the TF_CONFIG of the process that serves a host.

        Args:
            host: its index.
        """
        return tf_config_text(TaskConfig(self.chief, self.workers, "worker", host))

    def serve_host(self) -> bool:
        """Serves this worker's CPU for one chief; for the main thread.

        Prints one line when it is ready. Tables that the chief put here die with the
        process.

        Returns:
            True if the chief was there and is gone: this process is no good for another
            one, see `chief_watch`. False if it was told to stop, by SIGTERM or SIGINT.

        Raises:
            RuntimeError: if this task is the chief, or its port cannot be taken.
        """
        if self.task_type != "worker":
            raise RuntimeError(
                f"Only workers serve, and this task is the {self.task_type}. Run the "
                "program that trains here, and serve where the task is a worker."
            )
        address = self.workers[self.task_index]
        usable_ops()  # What the chief's steps will ask this process to run.
        job = self._job
        spec = tf.train.ClusterSpec({"chief": [self.chief], job: list(self.workers)})
        try:
            server = tf.distribute.Server(
                spec, job_name=job, task_index=self.task_index
            )
        except tf.errors.OpError as error:
            raise RuntimeError(
                f"Worker {self.task_index} cannot serve at {address}: {error.message}. "
                "Is the port taken?"
            ) from error
        watch, is_chief_gone = ChiefWatch(self.chief), False
        with stops_noted() as is_over:
            print(f"worker {self.task_index} serves at {address}", flush=True)
            # Not server.join(), which never returns.
            while not is_over() and not is_chief_gone:
                time.sleep(_STOP_CHECK_S)
                is_chief_gone = watch.is_gone()
        if is_chief_gone:
            print(
                f"worker {self.task_index} gives up what it held: its chief at "
                f"{self.chief} is gone",
                flush=True,
            )
        # The server goes with the process.
        del server
        return is_chief_gone

    def connect(self, timeout_s: float = _CONNECT_WITHIN_S) -> None:
        """Makes the hosts' devices known to TensorFlow in this process, the chief.

        Waits for hosts that are still starting. Call it first: values and variables
        made before it may not be usable after.

        Args:
            timeout_s: how long all hosts together may take to answer, in seconds.

        Raises:
            RuntimeError: if this task is a worker, or the chief's port cannot be taken.
            WrongHostError: if what answers at an address is not that host.
            HostLostError: if a host does not answer in time, or lets nobody connect.
        """
        if self.task_type != "chief":
            raise RuntimeError(
                f"Only the chief connects, and this task is worker {self.task_index}. "
                "Serve it, and run the program that connects where the task is the "
                "chief."
            )
        be_silent_about_lost_variables()
        deadline_s = time.monotonic() + timeout_s
        silent = await_servers(self.workers, timeout_s)
        self._raise_wrong(
            {place: fault for place, fault in silent.items() if fault == NO_GRPC}
        )
        self._raise_lost(silent)
        self._raise_wrong(strangers(self.workers, self._job, _ANSWER_WITHIN_S))
        # Frees what a dropped engine has on the hosts; its parts know each other, so
        # that only the collector finds them.
        gc.collect()
        # Else a step overtakes what was assigned before it, such as restored rows, and
        # errors reach some later call.
        os.environ[_WITHOUT_WAITING] = "0"
        # The chief stands in the specification, with a port of its own: hosts fetch
        # from it, and those that stay up would not learn of another port later.
        left_s = max(deadline_s - time.monotonic(), _LEAST_FOR_CONNECTION_S)
        try:
            self._watched(functools.partial(_connect, self._spec()), left_s)
        except TimeoutError as error:
            raise HostLostError(
                f"The workers {', '.join(self.workers)} answer, but at least one of "
                f"them did not let the chief connect within {left_s:.0f} s. "
                f"{self.remedy}"
            ) from error
        except tf.errors.OpError as error:
            self._raise_lost(silent_servers(self.workers, _ANSWER_WITHIN_S), error)
            raise RuntimeError(
                f"The chief cannot connect from {self.chief}: {error.message}. Is its "
                "port taken?"
            ) from error

    def reconnect(self, timeout_s: float = _CONNECT_WITHIN_S) -> None:
        """Connects again, once a lost host is back on its address; waits for it.

        All variables of the lost host are gone, and with them every engine that had
        rows there. Let the old engine, and the functions traced with it, go before:
        they hold tables on the hosts that stayed up. Then make new ones and restore the
        last checkpoint.

        Args:
            timeout_s: how long all hosts together may take to answer, in seconds.

        Raises:
            HostLostError: if a host does not answer in time.
        """
        self.connect(timeout_s)

    def run(self, function: Callable[..., Result], *args: Any, **kwargs: Any) -> Result:
        """Calls a function that uses the hosts, such as a step, and watches them.

        The function runs in a thread of its own, since a call that waits for a hung
        host cannot be interrupted: scopes of the calling thread, such as `tf.device`,
        do not reach it. After a HostLostError that thread may wait on; it ends when the
        host goes on or dies. Input threads may call `run` beside the training thread.

        Args:
            function: called with the other arguments.
            *args: its positional arguments.
            **kwargs: its keyword arguments.

        Returns:
            What the function returns.

        Raises:
            HostLostError: within 30 s if a host is dead, hangs, or was restarted.
        """
        try:
            return self._watched(functools.partial(function, *args, **kwargs))
        except _LOSS_ERRORS as error:
            self._raise_lost(silent_servers(self.workers, _ANSWER_WITHIN_S), error)
            self._raise_lost(self._forgetful_hosts(), error)
            raise

    def _watched(
        self, function: Callable[[], Result], within_s: float = math.inf
    ) -> Result:
        """Calls a function; raises if a host falls silent before it returns.

        Raises:
            HostLostError: if one does.
            TimeoutError: if none does, and the function does not return in time.
        """
        deadline_s = time.monotonic() + within_s
        call = _in_thread(function)
        try:
            while not concurrent.futures.wait([call], _CHECK_EVERY_S).done:
                self._raise_lost(silent_servers(self.workers, _ANSWER_WITHIN_S))
                if time.monotonic() > deadline_s:
                    raise TimeoutError(f"not done within {within_s:.0f} s")
            return call.result()
        finally:
            # An error holds this frame and the call holds the error: without the call
            # the tables that the error's frames know are freed with the error.
            del call

    @property
    def _job(self) -> str:
        """What the servers of hosts call themselves; for a chief they are workers."""
        return job_name(self.chief, self.workers)

    def _name(self, place: int) -> str:
        return f"worker {place} at {self.workers[place]}"

    def _spec(self) -> tf.train.ClusterSpec:
        return tf.train.ClusterSpec(
            {"chief": [self.chief], "worker": list(self.workers)}
        )

    def _forgetful_hosts(self) -> dict[int, str]:
        """Returns the hosts that run nothing for this chief, though they answer."""
        pings = [_in_thread(_ping, host) for host in self.hosts]
        concurrent.futures.wait(pings, _ANSWER_WITHIN_S)
        return {
            place: "it was restarted, or does not run what it is sent"
            for place, ping in enumerate(pings)
            if not ping.done() or ping.exception()
        }

    def _raise_wrong(self, faults: Mapping[int, str]) -> None:
        """Raises if there are servers that are no hosts: why, by the host's index."""
        if not faults:
            return
        wrong = "; ".join(
            f"{self._name(place)}: {fault}" for place, fault in faults.items()
        )
        raise WrongHostError(
            f"{len(faults)} of {len(self.workers)} workers are not what they should "
            f"be: {wrong}. Give chief and workers the same addresses in the same "
            "order, and start each worker as the one that it is there."
        )

    def _raise_lost(
        self, faults: Mapping[int, str], cause: BaseException | None = None
    ) -> None:
        """Raises if there are lost hosts: what is wrong, by the host's index."""
        if not faults:
            return
        # Freeing what is on a host that hangs must not wait for it.
        os.environ[_WITHOUT_WAITING] = "1"
        lost = "; ".join(
            f"{self._name(place)}: {fault}" for place, fault in faults.items()
        )
        raise HostLostError(
            f"{len(faults)} of {len(self.workers)} workers lost: {lost}. {self.remedy}",
            [self.hosts[place] for place in faults],
            [self._name(place) for place in faults],
        ) from cause


def _connect(spec: tf.train.ClusterSpec) -> None:
    tf.config.experimental_connect_to_cluster(spec, job_name="chief")
    # Before TensorFlow's runtime has started, the call above only takes a note.
    tf.config.list_logical_devices()


def _ping(host: str) -> None:
    with tf.device(host):
        tf.identity(0).numpy()


def _in_thread(
    function: Callable[..., Result], *args: Any, **kwargs: Any
) -> "concurrent.futures.Future[Result]":
    """Starts a call in a thread that does not keep the process from its end."""
    future: concurrent.futures.Future[Result] = concurrent.futures.Future()

    def call() -> None:
        try:
            future.set_result(function(*args, **kwargs))
        # Whatever it is, it belongs to the thread that waits for the result.
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=call, daemon=True).start()
    return future
