"""A server starts, or says why not, and ends in time."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from shardline_tests import load
from tensorflow_serving.apis import prediction_service_pb2_grpc

_conftest = load(Path(__file__).with_name("conftest.py"))
NAME = _conftest.NAME
Client = _conftest.Client
request_for = _conftest.request_for
refused = _conftest.refused
Serve = Callable[..., Any]


def test_taken_port_is_told(publish: Callable[..., Path], serve: Serve) -> None:
    async def scenario(client: Client) -> None:
        taken = client.server
        for option, port in (
            ("grpc_port", taken.grpc_port),
            ("rest_port", taken.rest_port),
        ):
            with pytest.raises(RuntimeError, match=f"{port} cannot be listened at"):
                await start_another(**{option: port})

    async def start_another(**port: int) -> None:
        ports = {"grpc_port": 0, "rest_port": 0, **port}
        server = _conftest.Server(_conftest.Settings(folder=folder, name=NAME, **ports))
        try:
            await server.start()
        finally:
            await server.stop()

    folder = publish(1)
    serve(folder, scenario)


def test_watched_health_and_calls_without_end_do_not_hold_up_the_end(
    publish: Callable[..., Path], serve: Serve
) -> None:
    async def scenario(client: Client) -> None:
        health = health_pb2_grpc.HealthStub(client.channel)
        watched = health.Watch(health_pb2.HealthCheckRequest())
        while (await watched.read()).status != 1:
            pass
        stub = prediction_service_pb2_grpc.PredictionServiceStub(client.channel)
        endless = stub.Predict(request_for("slow", rounds=np.int64(10**7)))
        in_flight = client.server.metrics.in_flight._value
        await client.wait_until(lambda: in_flight.get() == 1)
        await client.server.stop()

        assert (await watched.read()).status == 2
        assert await watched.read() is grpc.aio.EOF
        with refused("UNAVAILABLE"):
            await endless

    serve(publish(1), scenario, grace_s=0.2)
