"""gRPC and REST answer as TensorFlow Serving does."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from shardline_tests import load
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    prediction_service_pb2_grpc,
)

_conftest = load(Path(__file__).with_name("conftest.py"))
EXAMPLES = _conftest.EXAMPLES
B64 = _conftest.B64
MODEL = _conftest.MODEL
NAME = _conftest.NAME
Client = _conftest.Client
flat_inputs = _conftest.flat_inputs
request_for = _conftest.request_for
expected_scores = _conftest.expected_scores
refused = _conftest.refused
Serve = Callable[..., Any]


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


def test_labels_are_not_found(publish: Callable[..., Path], serve: Serve) -> None:
    async def scenario(client: Client) -> list[tuple[int, Any]]:
        path = f"{MODEL}/labels/stable"
        return [
            await client.post({"instances": B64}, f"{path}:predict"),
            await client.get(path),
        ]

    for status, content in serve(publish(1), scenario):
        assert status == 404
        assert "no version label 'stable'" in content["error"]


def test_errors_of_tensorflow_are_told_without_its_nodes(
    publish: Callable[..., Path], serve: Serve
) -> None:
    async def scenario(client: Client) -> Any:
        with refused("One of the examples is no serialized tf.Example"):
            await client.predict(examples=[b"\xff\xed"])
        return await client.post({"instances": ["nonsense"]})

    status, content = serve(publish(1), scenario)

    assert status == 400
    assert "{{node" not in content["error"]


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
