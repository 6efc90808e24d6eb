"""Requests are run together, and none takes more than it may."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import numpy as np
from shardline_tests import load
from tensorflow_serving.apis import (
    prediction_service_pb2_grpc,
)

from shardline.components.machine.cores import usable_cores

_conftest = load(Path(__file__).with_name("conftest.py"))
EXAMPLES = _conftest.EXAMPLES
B64 = _conftest.B64
MODEL = _conftest.MODEL
Client = _conftest.Client
request_for = _conftest.request_for
expected_scores = _conftest.expected_scores
hold = _conftest.hold
refused = _conftest.refused
Serve = Callable[..., Any]


def test_requests_that_wait_are_merged_and_answer_for_themselves(
    publish: Callable[..., Path], serve: Serve
) -> None:
    async def scenario(client: Client) -> tuple[list[Any], str]:
        requests = [[e] for e in EXAMPLES] + [[b"\xff\xff nonsense"], EXAMPLES[:2]]
        answers = await asyncio.gather(
            *(client.predict(examples=examples) for examples in requests),
            return_exceptions=True,
        )
        await client.predict(examples=EXAMPLES)
        return answers, (await client.get("/monitoring/prometheus/metrics"))[1]

    folder = publish(1)
    answers, page = serve(folder, scenario, batch_timeout_s=0.3)

    scores = expected_scores(folder / "1")
    for place in range(3):
        np.testing.assert_allclose(answers[place]["scores"], scores[[place]], rtol=1e-5)
    assert answers[3].code() == grpc.StatusCode.INVALID_ARGUMENT
    np.testing.assert_allclose(answers[4]["scores"], scores[:2], rtol=1e-5)
    # All six examples together, then each request alone, then three.
    assert "shardline_batch_examples_count 7.0" in page
    assert "shardline_batch_examples_sum 15.0" in page


def test_too_many_requests_at_once_are_refused(
    publish: Callable[..., Path], serve: Serve
) -> None:
    async def scenario(client: Client) -> tuple[int, Any]:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(client.channel)
        end = hold(client, "slow")
        long = asyncio.ensure_future(
            stub.Predict(request_for("slow", rounds=np.int64(1)))
        )
        await client.wait_until(lambda: client.server.metrics.in_flight._value.get())
        with refused("1 requests are being answered already.*--max-queue"):
            await client.predict(examples=EXAMPLES)
        over_rest = await client.post({"instances": B64})
        end.set()
        await long
        return over_rest

    status, content = serve(publish(1), scenario, max_queue=1)

    assert status == 429
    assert "--max-queue" in content["error"]


def test_request_whose_deadline_passed_is_not_run(
    publish: Callable[..., Path], serve: Serve
) -> None:
    async def scenario(client: Client) -> str:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(client.channel)
        in_flight = client.server.metrics.in_flight._value
        end, threads = hold(client, "slow"), usable_cores()
        slow = request_for("slow", rounds=np.int64(1))
        long = [asyncio.ensure_future(stub.Predict(slow)) for _ in range(threads)]
        await client.wait_until(lambda: in_flight.get() == threads)
        with refused("Deadline Exceeded"):
            await stub.Predict(request_for(examples=EXAMPLES), timeout=1)
        await client.wait_until(lambda: in_flight.get() == threads)
        end.set()
        await asyncio.gather(*long)
        await client.predict(examples=EXAMPLES[:1])
        return (await client.get("/monitoring/prometheus/metrics"))[1]

    page = serve(publish(1), scenario)

    assert "shardline_batch_examples_sum 1.0" in page
    assert 'code="CANCELLED",protocol="grpc",signature="serving_default"} 1.0' in page


def test_large_requests_are_refused(publish: Callable[..., Path], serve: Serve) -> None:
    async def scenario(client: Client) -> list[tuple[int, Any]]:
        with refused("larger than max"):
            await client.predict(examples=[b"x" * 5000])
        with refused("holds 5 examples; this server takes 4.*--max-examples"):
            await client.predict("echo", text=["a"] * 5)
        body = json.dumps({"instances": ["x" * 5000]}).encode()

        async def in_chunks() -> Any:
            for start in range(0, len(body), 1000):
                yield body[start : start + 1000]

        async with client.http.post(f"{MODEL}:predict", data=in_chunks()) as response:
            chunked = response.status, await response.json()
        return [await client.post(body), chunked]

    answers = serve(publish(1), scenario, max_request_bytes=4096, max_examples=4)

    for status, content in answers:
        assert status == 413
        assert "larger than 4096 bytes (--max-request-bytes)" in content["error"]


def test_bodies_on_their_way_count_as_requests(
    publish: Callable[..., Path], serve: Serve
) -> None:
    async def scenario(client: Client) -> tuple[int, Any]:
        _, writer = await asyncio.open_connection("127.0.0.1", client.server.rest_port)
        head = f"POST {MODEL}:predict HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n"
        writer.write(head.encode() + b"{")
        status, content = 0, None
        while status != 429:  # until the first one has begun
            status, content = await client.post({"instances": B64})
        writer.close()
        while status != 200:  # it is gone
            status, _ = await client.post({"instances": B64})
        return content

    content = serve(publish(1), scenario, max_queue=1)

    assert "1 requests are being answered already (--max-queue)" in content["error"]


def test_body_that_does_not_arrive_is_refused(
    publish: Callable[..., Path], serve: Serve
) -> None:
    async def scenario(client: Client) -> bytes:
        port = client.server.rest_port
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        head = f"POST {MODEL}:predict HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n"
        writer.write(head.encode() + b"{")
        reply = await reader.readuntil(b"}")
        writer.close()
        return reply

    reply = serve(publish(1), scenario, read_timeout_s=0.2)

    assert b" 408 " in reply
    assert b'{"error": "The body did not arrive within 0.2 s."}' in reply
