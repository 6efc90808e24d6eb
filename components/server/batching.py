"""Threads for TensorFlow, and the merging of requests that wait for one.

Requests are merged along their first axis at the moment a thread is free, so one that
finds a free thread does not wait for company. An example's score may differ in its
last bits with the examples it is run with, since matrix products are blocked by size.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

import numpy as np
from prometheus_client import Gauge

from shardline.components.machine.cores import usable_cores
from shardline.components.server.metrics import Metrics
from shardline.components.server.model import Arrays
from shardline.components.server.request_error import RequestError

_Result = TypeVar("_Result")


class Threads:
    """A thread for each CPU, given out in the order they are asked for."""

    def __init__(self, waiting: Gauge):
        """Starts no thread yet.

        Args:
            waiting: the metric of requests that wait for a thread.
        """
        self._waiting = waiting
        count = usable_cores()
        self._free = asyncio.Semaphore(count)
        self._pool = ThreadPoolExecutor(count, "tensorflow")

    async def acquire(self) -> None:
        """Waits for a free thread; `start` or `release` must follow."""
        with self._waiting.track_inprogress():
            await self._free.acquire()

    def release(self) -> None:
        """Gives a thread back that nothing was started in."""
        self._free.release()

    def start(self, function: Callable[[], _Result]) -> asyncio.Future[_Result]:
        """Runs a function in the acquired thread, which is free again at its end.

        The function goes on when whoever waits for it is cancelled: TensorFlow cannot
        be interrupted.
        """
        loop = asyncio.get_running_loop()
        future = loop.run_in_executor(self._pool, function)
        future.add_done_callback(self._finished)
        return asyncio.shield(future)

    async def run(self, function: Callable[[], _Result]) -> _Result:
        """Runs a function in the next free thread."""
        await self.acquire()
        return await self.start(function)

    def close(self) -> None:
        """Ends the threads, without waiting for what still runs."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _finished(self, future: asyncio.Future[_Result]) -> None:
        self._free.release()
        if not future.cancelled():
            future.exception()  # else asyncio warns if nobody waits any more


class Batcher:
    """Merges requests of one signature that takes a list of examples."""

    def __init__(
        self,
        run: Callable[[np.ndarray], Arrays],
        threads: Threads,
        metrics: Metrics,
        *,
        max_batch: int,
        timeout_s: float,
    ):
        """Starts without requests.

        Args:
            run: the signature; called in a thread.
            threads: the threads to run in.
            metrics: counts the size of each batch.
            max_batch: examples; a request with more is run by itself.
            timeout_s: how long a request waits for others.
        """
        self._run = run
        self._threads = threads
        self._metrics = metrics
        self._max_batch = max_batch
        self._timeout_s = timeout_s
        self._pending: deque[tuple[np.ndarray, asyncio.Future[Arrays]]] = deque()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __call__(self, examples: np.ndarray) -> Arrays:
        """Returns the outputs of a request, which may be run with others.

        Args:
            examples: one or more.

        Raises:
            RequestError: what TensorFlow refuses of this request's own examples.
        """
        future: asyncio.Future[Arrays] = asyncio.get_running_loop().create_future()
        self._pending.append((examples, future))
        task = asyncio.create_task(self._next_batch())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            return await future
        finally:
            del future  # else an error and this frame hold each other, and the request

    async def _next_batch(self) -> None:
        """Runs the requests that wait first, if another batch did not take them."""
        if self._timeout_s and self._waiting_examples() < self._max_batch:
            await asyncio.sleep(self._timeout_s)
        await self._threads.acquire()
        batch = self._take()
        if not batch:
            self._threads.release()
            return
        requests, futures = zip(*batch, strict=True)
        try:
            outcomes = await self._threads.start(partial(self._outcomes, requests))
        except Exception as error:
            outcomes = [error] * len(batch)
        for future, outcome in zip(futures, outcomes, strict=True):
            if future.done():
                continue
            if isinstance(outcome, Exception):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)

    def _waiting_examples(self) -> int:
        return sum(len(examples) for examples, _ in self._pending)

    def _take(self) -> list[tuple[np.ndarray, asyncio.Future[Arrays]]]:
        """Removes the first requests that fit together; cancelled ones are left out."""
        batch: list[tuple[np.ndarray, asyncio.Future[Arrays]]] = []
        room = self._max_batch
        while self._pending and (not batch or len(self._pending[0][0]) <= room):
            examples, future = self._pending.popleft()
            if not future.done():
                batch.append((examples, future))
                room -= len(examples)
        return batch

    def _outcomes(self, requests: Sequence[np.ndarray]) -> list[Arrays | Exception]:
        """Runs requests together, or one by one if that fails: each has its answer."""
        if len(requests) > 1 and (merged := self._merged(requests)) is not None:
            return merged
        return [self._separate(request) for request in requests]

    def _merged(
        self, requests: Sequence[np.ndarray]
    ) -> list[Arrays | Exception] | None:
        sizes = [len(request) for request in requests]
        self._metrics.batches.observe(sum(sizes))
        try:
            outputs = self._run(np.concatenate(requests))
        except RequestError:
            return None
        if any(array.shape[:1] != (sum(sizes),) for array in outputs.values()):
            return None
        ends = np.cumsum(sizes).tolist()
        return [
            {name: array[end - size : end] for name, array in outputs.items()}
            for size, end in zip(sizes, ends, strict=True)
        ]

    def _separate(self, request: np.ndarray) -> Arrays | Exception:
        self._metrics.batches.observe(len(request))
        try:
            return self._run(request)
        except RequestError as error:
            return error
