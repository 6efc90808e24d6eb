"""Clients that ask a server without a pause, while a new version is published.

    python -m benchmarks.serving.programs.load PORT REST_PORT SECONDS FOLDER STORE

FOLDER holds `examples.tfrecord`, two models, and by their names with `.npy` their
scores. The server has the first from STORE, where the second is published at half time.
Requests are of 1, 16 and 64 examples in turn. Prints how many there were, how long they
took, and what was wrong: every refusal, and every answer that is not of one model.
"""

import itertools
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from benchmarks.serving.callers import FAILURES, Caller, GrpcCaller, RestCaller
from benchmarks.serving.program import say_result_of
from benchmarks.serving.requests import PERCENTILES, percentile
from benchmarks.serving.workload import FIRST_MODEL, LATER_MODEL
from shardline.components.pusher.publication import Record
from shardline.components.pusher.publish import publish_model
from shardline.configs.serving import Publishing

_GRPC_CLIENTS, _REST_CLIENTS = 6, 2
_SIZES = (1, 16, 64)
_REQUESTS = 48
# The same example in a batch of another size.
_ROUNDING = 2e-6


class Reply(NamedTuple):
    """What came back.

    Attributes:
        examples: places of those that were sent.
        seconds: until it was there.
        body: as it came, or what was raised.
    """

    examples: slice
    seconds: float
    body: bytes | BaseException


class Answer(NamedTuple):
    """A reply that was read.

    Attributes:
        protocol: it came over.
        reply: as it came.
        scores: float32 [examples].
        version: that answered; 0 if it does not say.
    """

    protocol: str
    reply: Reply
    scores: np.ndarray
    version: int

    def is_of(self, models: Sequence[np.ndarray]) -> bool:
        """Returns whether one model gave all of it, by its scores of all examples."""
        return any(
            self.scores.shape == model[self.reply.examples].shape
            and np.abs(self.scores - model[self.reply.examples]).max() <= _ROUNDING
            for model in models
        )


class Client(threading.Thread):
    """Asks one request after another."""

    def __init__(self, caller: Caller, examples: list[bytes], seconds: float):
        """Prepares requests.

        Args:
            caller: its connection.
            examples: serialized tf.Examples.
            seconds: how long to ask.
        """
        super().__init__()
        self.caller = caller
        self.replies: list[Reply] = []
        self._seconds = seconds
        sizes = itertools.islice(itertools.cycle(_SIZES), _REQUESTS)
        places = [
            slice(start := number * 7 % (len(examples) - size), start + size)
            for number, size in enumerate(sizes)
        ]
        self._requests = [(place, caller.body(examples[place])) for place in places]

    def run(self) -> None:
        """Asks until the time is over."""
        end = time.monotonic() + self._seconds
        for place, body in itertools.cycle(self._requests):
            start = time.perf_counter()
            reply: bytes | BaseException
            try:
                reply = self.caller.send(body)
            except FAILURES as error:
                reply = error
            self.replies.append(Reply(place, time.perf_counter() - start, reply))
            if time.monotonic() > end:
                break


def main() -> dict[str, Any]:
    """Returns what the clients met."""
    grpc_port, rest_port, seconds = map(int, sys.argv[1:4])
    folder, store = map(Path, sys.argv[4:])
    records = tf.data.TFRecordDataset(str(folder / "examples.tfrecord"))
    examples = list(records.as_numpy_iterator())
    callers: list[Caller] = [GrpcCaller(grpc_port) for _ in range(_GRPC_CLIENTS)]
    callers += [RestCaller(rest_port) for _ in range(_REST_CLIENTS)]
    clients = [Client(caller, examples, seconds) for caller in callers]
    start = time.perf_counter()
    for client in clients:
        client.start()
    time.sleep(seconds / 2)
    publish_model(folder / LATER_MODEL, str(store), Publishing(), Record())
    for client in clients:
        client.join()
    took = time.perf_counter() - start
    expected = [np.load(folder / f"{name}.npy") for name in (FIRST_MODEL, LATER_MODEL)]
    return met(clients, expected) | {"seconds": took}


def met(clients: list[Client], expected: list[np.ndarray]) -> dict[str, Any]:
    """Returns counts and times of what clients met.

    Args:
        clients: that have ended.
        expected: scores of all examples, by model in the order of versions.
    """
    told = [(c.caller.protocol, reply) for c in clients for reply in c.replies]
    faults = [f"{p}: {r.body}" for p, r in told if isinstance(r.body, BaseException)]
    answers = [
        Answer(client.caller.protocol, reply, *client.caller.scores(reply.body))
        for client in clients
        for reply in client.replies
        if isinstance(reply.body, bytes)
    ]
    versions = sorted({answer.version for answer in answers} - {0})
    models = dict(zip(versions, expected, strict=False))
    faults += [
        f"{answer.protocol}: wrong scores, version {answer.version}"
        for answer in answers
        if not answer.is_of(
            [models[answer.version]] if answer.version in models else expected
        )
    ]
    times: dict[str, list[float]] = {}
    for answer in answers:
        times.setdefault(answer.protocol, []).append(answer.reply.seconds)
    return {
        "replies": {protocol: len(each) for protocol, each in times.items()},
        "percentiles": {
            protocol: {p: percentile(each, p) for p in PERCENTILES}
            for protocol, each in times.items()
        },
        "examples": sum(len(answer.scores) for answer in answers),
        "versions": len(versions),
        "errors": len(faults),
        "first_errors": faults[:5],
    }


if __name__ == "__main__":
    say_result_of(main)
