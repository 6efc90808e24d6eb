"""Requests share calls of TensorFlow, and each answers for itself."""

import asyncio
from collections.abc import Callable

import numpy as np
import pytest

from shardline.components.server.batching import Batcher, Threads
from shardline.components.server.metrics import Metrics
from shardline.components.server.model import Arrays
from shardline.components.server.request_error import RequestError, invalid


def doubled(examples: np.ndarray) -> Arrays:
    if (examples < 0).any():
        raise invalid("below 0")
    return {"y": 2 * examples}


def outcomes(
    *requests: list[int], run: Callable[[np.ndarray], Arrays] = doubled, most: int = 4
) -> tuple[list[list[int] | str], list[float]]:
    """Returns the answers of requests that come at once, and the sizes of batches."""
    metrics = Metrics()

    async def scenario() -> list[Arrays | BaseException]:
        threads = Threads(metrics.waiting)
        batcher = Batcher(run, threads, metrics, max_batch=most, timeout_s=0.05)
        answers = await asyncio.gather(
            *(batcher(np.array(request)) for request in requests),
            return_exceptions=True,
        )
        threads.close()
        return answers

    answers = asyncio.run(scenario())
    (batches,) = metrics.batches.collect()
    values = {sample.name: sample.value for sample in batches.samples}
    return [
        str(answer) if isinstance(answer, BaseException) else answer["y"].tolist()
        for answer in answers
    ], [
        values["shardline_batch_examples_count"],
        values["shardline_batch_examples_sum"],
    ]


def test_requests_that_wait_are_run_together() -> None:
    answers, (batches, examples) = outcomes([1], [2, 3], [4])

    assert answers == [[2], [4, 6], [8]]
    assert (batches, examples) == (1, 4)


def test_requests_that_do_not_fit_into_a_batch_are_run_in_the_next() -> None:
    answers, (batches, examples) = outcomes([1, 2, 3], [4, 5], [6] * 9)

    assert answers == [[2, 4, 6], [8, 10], [12] * 9]
    assert (batches, examples) == (3, 14)


def test_request_that_is_refused_does_not_spoil_the_others() -> None:
    answers, (batches, examples) = outcomes([1], [-2])

    assert answers == [[2], "below 0"]
    assert (batches, examples) == (3, 4)  # together, then one by one


def test_outputs_that_are_not_by_example_are_not_shared() -> None:
    def largest(examples: np.ndarray) -> Arrays:
        return {"y": examples.max(keepdims=True)}

    answers, (batches, _) = outcomes([1, 2], [3], run=largest)

    assert answers == [[2], [3]]
    assert batches == 3


def test_fault_that_nobody_thought_of_goes_to_every_request() -> None:
    def broken(examples: np.ndarray) -> Arrays:
        raise MemoryError("too large")

    answers, _ = outcomes([1], [2], run=broken)

    assert answers == ["too large", "too large"]


def test_thread_is_free_again_after_an_error() -> None:
    async def scenario() -> int:
        threads = Threads(Metrics().waiting)
        for _ in range(100):
            with pytest.raises(RequestError):
                await threads.run(lambda: doubled(np.array([-1])).get("y"))
        threads.close()
        return 100

    assert asyncio.run(asyncio.wait_for(scenario(), 60)) == 100
