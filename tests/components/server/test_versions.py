"""A server follows its serving folder, and no version takes an answer away."""

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from grpc_health.v1 import health_pb2, health_pb2_grpc
from shardline_tests import load
from tensorflow_serving.apis import prediction_service_pb2_grpc

from shardline.components.server.metrics import Metrics
from shardline.components.server.versions import Versions

_conftest = load(Path(__file__).with_name("conftest.py"))
EXAMPLES = _conftest.EXAMPLES
MODEL = _conftest.MODEL
NAME = _conftest.NAME
Client = _conftest.Client
request_for = _conftest.request_for
hold = _conftest.hold
refused = _conftest.refused
Serve = Callable[..., Any]


def test_newer_version_takes_over_and_a_removed_one_gives_way(
    publish: Callable[..., Path], serve: Serve
) -> None:
    async def scenario(client: Client) -> list[float]:
        scores = [(await client.predict(examples=EXAMPLES))["scores"][0]]
        publish(2, bias=1.0)
        await client.wait_for_version(2)
        scores.append((await client.predict(examples=EXAMPLES))["scores"][0])
        shutil.rmtree(folder / "2")
        await client.wait_for_version(1)
        scores.append((await client.predict(examples=EXAMPLES))["scores"][0])
        shutil.rmtree(folder / "1")  # the last one is served on
        await asyncio.sleep(0.2)
        scores.append((await client.predict(examples=EXAMPLES))["scores"][0])
        return scores

    folder = publish(1)
    first, second, *back = serve(folder, scenario)

    assert first < second
    assert back == [first, first]


def test_requests_in_flight_end_on_the_version_they_began_with(
    publish: Callable[..., Path], serve: Serve
) -> None:
    async def scenario(client: Client) -> tuple[Any, ...]:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(client.channel)
        end = hold(client, "slow")
        long = asyncio.ensure_future(
            stub.Predict(request_for("slow", rounds=np.int64(1)))
        )
        await client.wait_until(lambda: client.server.metrics.in_flight._value.get())
        publish(2)
        await client.wait_for_version(2)
        was_running = not long.done()
        states = [(s.version, s.state) for s in client.server.versions.states()]
        end.set()
        response = await long
        await client.wait_until(lambda: len(client.server.versions.states()) == 1)
        return was_running, states, response.model_spec.version.value

    was_running, states, version = serve(publish(1), scenario)

    assert was_running
    assert states == [(2, "AVAILABLE"), (1, "UNLOADING")]
    assert version == 1


def test_version_that_does_not_load_leaves_the_old_one_serving(
    publish: Callable[..., Path], serve: Serve
) -> None:
    async def scenario(client: Client) -> tuple[Any, ...]:
        broken = folder / "2"
        broken.mkdir()
        (broken / "saved_model.pb").write_bytes(b"nonsense")
        failures = client.server.metrics.load_failures._value
        await client.wait_until(lambda: failures.get() > 0)
        await asyncio.sleep(0.3)  # several looks later
        answer = await client.predict(examples=EXAMPLES)
        tries, (_, status) = failures.get(), await client.get(MODEL)
        _, page = await client.get("/monitoring/prometheus/metrics")
        return answer, tries, status["model_version_status"], page

    folder = publish(1)
    answer, tries, states, page = serve(folder, scenario)

    assert answer["scores"].shape == (3,)
    assert tries == 1
    assert [state["state"] for state in states] == ["END", "AVAILABLE"]
    assert states[0]["status"]["error_code"] == "UNKNOWN"
    assert "Version 2" in states[0]["status"]["error_message"]
    assert "shardline_version_load_failures_total 1.0" in page
    assert "shardline_version 1.0" in page


def test_readiness_waits_for_a_version(
    publish: Callable[..., Path], serve: Serve, tmp_path: Path
) -> None:
    async def scenario(client: Client) -> list[Any]:
        health = health_pb2_grpc.HealthStub(client.channel)
        request = health_pb2.HealthCheckRequest()
        said = [await client.get("/healthz"), await client.get("/readyz")]
        said.append((await health.Check(request)).status)
        with refused("No version of 'small' is loaded yet"):
            await client.predict(examples=EXAMPLES)
        publish(1)
        await client.wait_until(lambda: client.server.is_ready)
        said.append(await client.get("/readyz"))
        while (await health.Check(request)).status != 1:
            await asyncio.sleep(0.01)
        return said

    alive, not_ready, unhealthy, ready = serve(
        tmp_path / "serving", scenario, is_ready=False
    )

    assert alive == (200, {"alive": True})
    assert not_ready == (503, {"ready": False})
    assert ready == (200, {"ready": True})
    assert unhealthy == 2


def test_warm_up_requests_are_replayed_and_one_that_fails_closes_the_version(
    publish: Callable[..., Path], serve: Serve
) -> None:
    async def scenario(client: Client) -> str:
        publish(2, request_for(nothing=[1]))
        failures = client.server.metrics.load_failures._value
        await client.wait_until(lambda: failures.get() > 0)
        return client.server.versions.states()[0].error

    error = serve(publish(1, request_for(examples=EXAMPLES)), scenario)

    assert "Version 2 fails its warm-up request 0" in error
    assert "Missing but required: ['examples']" in error


def test_damaged_warm_up_does_not_end_the_following_of_the_folder(
    publish: Callable[..., Path], serve: Serve
) -> None:
    async def scenario(client: Client) -> str:
        broken = publish(2, request_for(examples=EXAMPLES)) / "2"
        failures = client.server.metrics.load_failures._value
        await client.wait_for_version(2)
        file = broken / "assets.extra" / "tf_serving_warmup_requests"
        with tf.io.TFRecordWriter(str(file)) as writer:
            writer.write(b"\xff\xff no request")
        broken.rename(broken.with_name("3"))
        await client.wait_until(lambda: failures.get() > 0)
        error = client.server.versions.states()[0].error
        publish(4)
        await client.wait_for_version(4)
        return error

    error = serve(publish(1), scenario)

    assert "Version 3 fails its warm-up request 0" in error


def test_fault_that_nobody_thought_of_is_one_version_that_does_not_load(
    tmp_path: Path,
) -> None:
    def load_version(folder: Path, version: int) -> Any:
        raise MemoryError("too large")

    async def scenario() -> Versions:
        versions = Versions(tmp_path, NAME, load_version, Metrics())
        await versions.follow()
        return versions

    for name in ("7", "9" * 19, "07", ".8"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "saved_model.pb").touch()
    versions = asyncio.run(scenario())

    (state,) = versions.states()
    assert (state.version, state.state) == (7, "END")
    assert "Version 7: MemoryError('too large')" in state.error
    assert not versions.is_loading
