"""A server in this process answers gRPC and REST, and follows its folder."""

import asyncio
import base64
import dataclasses
import json
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
import tensorflow as tf
from grpc_health.v1 import health_pb2, health_pb2_grpc
from shardline_tests import load
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    prediction_service_pb2_grpc,
)

_conftest = load(Path(__file__).with_name("conftest.py"))
NAME, Client = _conftest.NAME, _conftest.Client
example, flat_inputs, request_for = (
    _conftest.example,
    _conftest.flat_inputs,
    _conftest.request_for,
)

EXAMPLES = [example(1, [2, 3]), example(4, []), example(5, [6] * 20)]
B64 = [{"b64": base64.b64encode(e).decode()} for e in EXAMPLES]
MODEL = f"/v1/models/{NAME}"
Serve = Callable[..., Any]


def expected_scores(folder: Path) -> np.ndarray:
    signature = tf.saved_model.load(str(folder)).signatures["serving_default"]
    return signature(examples=tf.constant(EXAMPLES))["scores"].numpy()


def hold(client: Client, name: str) -> threading.Event:
    """Lets a signature of the served version go on only once the event is set."""
    end = threading.Event()
    signatures = client.server.versions.current.signatures
    run = signatures[name].function

    def held(*values: np.ndarray) -> list[np.ndarray]:
        end.wait()
        return run(*values)

    signatures[name] = dataclasses.replace(signatures[name], function=held)
    return end


def refused(call: Any) -> Any:
    """Returns what a call over gRPC was refused with."""
    return pytest.raises(grpc.aio.AioRpcError, match=call)


def test_both_protocols_answer_bit_equal_to_tensorflow(
    publish: Callable[..., Path], serve: Serve
) -> None:
    async def scenario(client: Client) -> tuple[Any, ...]:
        named = [{"examples": b64} for b64 in B64]
        return (
            (await client.predict(examples=EXAMPLES))["scores"],
            (await client.post({"instances": B64}))[1]["predictions"],
            (await client.post({"instances": named}))[1]["predictions"],
            (await client.post({"inputs": B64}))[1]["outputs"],
            (await client.post({"inputs": {"examples": B64}}))[1]["outputs"],
        )

    folder = publish(1)
    for scores in serve(folder, scenario):
        np.testing.assert_array_equal(
            np.array(scores, np.float32), expected_scores(folder / "1")
        )


def test_flat_signatures_answer_as_examples_do(
    publish: Callable[..., Path], serve: Serve
) -> None:
    flat = flat_inputs([1, 4, 5], [[2, 3], [], [6] * 20])
    as_json = {name: array.tolist() for name, array in flat.items()}

    async def scenario(client: Client) -> tuple[Any, ...]:
        sent = {"signature_name": "columns", "inputs": as_json}
        weights = np.ones(22, np.float32)
        return (
            await client.predict("columns", **flat),
            await client.post(sent),
            await client.predict("lookup", **flat, history_weights=weights),
        )

    folder = publish(1)
    over_grpc, (status, over_rest), rows = serve(folder, scenario)

    assert status == 200
    np.testing.assert_array_equal(over_grpc["scores"], expected_scores(folder / "1"))
    np.testing.assert_array_equal(
        np.array(over_rest["outputs"], np.float32), over_grpc["scores"]
    )
    assert rows["user"].shape == rows["history"].shape == (3, 16)
    np.testing.assert_array_equal(rows["history"][1], np.zeros(16))


def test_replies_hold_typed_values_and_the_version(
    publish: Callable[..., Path], serve: Serve
) -> None:
    async def scenario(client: Client) -> Any:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(client.channel)
        request = request_for("echo", text=["a", "b"])
        request.output_filter.append("text")
        return await stub.Predict(request)

    response = serve(publish(7), scenario)

    assert response.model_spec.version.value == 7
    assert response.model_spec.signature_name == "echo"
    assert list(response.outputs) == ["text"]
    assert response.outputs["text"].string_val == [b"a", b"b"]


def test_text_and_bytes_of_json(publish: Callable[..., Path], serve: Serve) -> None:
    async def scenario(client: Client) -> Any:
        return await client.post({"signature_name": "echo", "instances": ["é", "b"]})

    status, content = serve(publish(1), scenario)

    assert status == 200
    assert content["predictions"][0] == {"text": "é", "text_bytes": {"b64": "w6k="}}


def test_metadata_and_status_of_both_protocols(
    publish: Callable[..., Path], serve: Serve
) -> None:
    async def scenario(client: Client) -> tuple[Any, ...]:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(client.channel)
        request = get_model_metadata_pb2.GetModelMetadataRequest()
        request.model_spec.name = NAME
        request.metadata_field.append("signature_def")
        status = get_model_status_pb2.GetModelStatusRequest()
        status.model_spec.name = NAME
        models = model_service_pb2_grpc.ModelServiceStub(client.channel)
        return (
            await stub.GetModelMetadata(request),
            await models.GetModelStatus(status),
            await client.get(f"{MODEL}/metadata"),
            await client.get(MODEL),
            await client.get(f"{MODEL}/versions/3"),
            await client.get(f"{MODEL}/versions/4"),
        )

    metadata, status, rest_metadata, *statuses = serve(publish(3), scenario)

    signatures = get_model_metadata_pb2.SignatureDefMap()
    assert metadata.metadata["signature_def"].Unpack(signatures)
    assert set(signatures.signature_def) == {
        "serving_default",
        "columns",
        "lookup",
        "slow",
        "echo",
    }
    (version,) = status.model_version_status
    assert (version.version, version.state) == (3, 30)
    signature = rest_metadata[1]["metadata"]["signature_def"]["signature_def"]
    examples = signature["serving_default"]["inputs"]["examples"]
    assert examples["dtype"] == "DT_STRING"
    assert examples["tensor_shape"]["dim"] == [{"size": "-1", "name": ""}]
    available = {
        "version": "3",
        "state": "AVAILABLE",
        "status": {"error_code": "OK", "error_message": ""},
    }
    assert statuses[0] == statuses[1] == (200, {"model_version_status": [available]})
    assert statuses[2][0] == 404
    assert "Known are [3]" in statuses[2][1]["error"]


@pytest.mark.parametrize(
    ("fields", "message"),
    [([], "must be 'signature_def'"), (["graph"], r"got \[\"'graph'\"\]")],
    ids=["none", "unknown"],
)
def test_other_metadata_is_refused(
    publish: Callable[..., Path], serve: Serve, fields: list[str], message: str
) -> None:
    async def scenario(client: Client) -> None:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(client.channel)
        request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=fields)
        with refused(message):
            await stub.GetModelMetadata(request)

    serve(publish(1), scenario)


def test_other_calls_are_not_implemented(
    publish: Callable[..., Path], serve: Serve
) -> None:
    async def scenario(client: Client) -> tuple[int, Any]:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(client.channel)
        with refused("Classify is not served.*Use Predict"):
            await stub.Classify(classification_pb2.ClassificationRequest())
        return await client.post({}, f"{MODEL}:regress")

    status, content = serve(publish(1), scenario)

    assert status == 501
    assert "regress is not served" in content["error"]


def test_another_model_or_version_is_not_found(
    publish: Callable[..., Path], serve: Serve
) -> None:
    async def scenario(client: Client) -> list[tuple[int, Any]]:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(client.channel)
        request = request_for(examples=EXAMPLES)
        request.model_spec.version.value = 9
        with refused("Version 9 of 'small' is not loaded; version 3 is"):
            await stub.Predict(request)
        request.model_spec.name = "../x"
        with refused("no model '../x'; this server has 'small'"):
            await stub.Predict(request)
        request.model_spec.name = NAME
        request.model_spec.version_label = "stable"
        with refused("no version label 'stable'"):
            await stub.Predict(request)
        body = {"instances": B64}
        return [
            await client.post(body, f"{MODEL}/versions/{version}:predict")
            for version in (3, 9, "-1", "x")
        ]

    answers = serve(publish(3), scenario)

    assert [status for status, _ in answers] == [200, 404, 400, 400]
    assert "A version is a number, got '-1'" in answers[2][1]["error"]


def test_errors_of_tensorflow_are_told_without_its_nodes(
    publish: Callable[..., Path], serve: Serve
) -> None:
    async def scenario(client: Client) -> Any:
        with refused("Could not parse example input"):
            await client.predict(examples=[b"\xff\xed"])
        return await client.post({"instances": ["nonsense"]})

    status, content = serve(publish(1), scenario)

    assert status == 400
    assert "{{node" not in content["error"]


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
    assert "Version 2" in states[0]["status"]["error_message"]
    assert "shardline_version_load_failures_total 1.0" in page
    assert "shardline_version 1.0" in page


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
        with refused("Deadline Exceeded"):
            await stub.Predict(request_for(examples=EXAMPLES), timeout=0.1)
        await client.wait_until(
            lambda: not client.server.metrics.in_flight._value.get()
        )
        await asyncio.sleep(0.6)
        return (await client.get("/monitoring/prometheus/metrics"))[1]

    page = serve(publish(1), scenario, batch_timeout_s=0.5)

    assert "shardline_batch_examples_count 0.0" in page
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
        await asyncio.sleep(0.1)
        said.append((await health.Check(request)).status)
        return said

    alive, not_ready, unhealthy, ready, healthy = serve(
        tmp_path / "serving", scenario, is_ready=False
    )

    assert alive == (200, {"alive": True})
    assert not_ready == (503, {"ready": False})
    assert ready == (200, {"ready": True})
    assert (unhealthy, healthy) == (2, 1)


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


def test_unknown_paths_and_methods_are_errors_in_json(
    publish: Callable[..., Path], serve: Serve
) -> None:
    async def scenario(client: Client) -> list[tuple[int, Any]]:
        async with client.http.put(f"{MODEL}:predict") as response:
            put = response.status, await response.json()
        return [await client.get("/v1/nothing"), put]

    (status, content), (put_status, put_content) = serve(publish(1), scenario)

    assert (status, put_status) == (404, 405)
    assert content == {"error": "Malformed request: GET '/v1/nothing'"}
    assert put_content == {"error": f"Malformed request: PUT '{MODEL}:predict'"}


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
