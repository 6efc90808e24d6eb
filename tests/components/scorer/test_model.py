"""Scores are those of the published model, whatever other rows are asked for."""

import asyncio
from contextlib import closing
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
import tensorflow as tf
from shardline_tests import load
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc
from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder

from shardline.components.features.graph.schema import example_schema
from shardline.components.pusher.publication import PublicationError
from shardline.components.scorer.model import (
    ScoringError,
    ScoringModel,
    Version,
    published_version,
)
from shardline.components.server.server import Server
from shardline.components.server.settings import Settings
from shardline.configs.columns import raw_columns

shared = load(Path(__file__).with_name("conftest.py"))
ROWS, VERSION, example, job_of = (
    shared.ROWS,
    shared.VERSION,
    shared.example,
    shared.job_of,
)


@pytest.fixture
def features(tmp_path: Path) -> Any:
    return job_of(tmp_path)[1].feature_set


def batch_of(features: Any, rows: list[Any]) -> Any:
    schema = example_schema(raw_columns(features)).SerializeToString()
    return ExamplesToRecordBatchDecoder(schema).DecodeBatch([example(r) for r in rows])


def test_scores_are_those_of_serialized_examples(served: Any, features: Any) -> None:
    with closing(ScoringModel(served.version, features)) as model:
        scores = model.scores(batch_of(features, ROWS))

    assert scores.dtype == np.float32
    assert np.unique(scores).size > 250
    np.testing.assert_array_equal(scores, served.expected(ROWS))


def test_score_depends_on_its_row_alone(served: Any, features: Any) -> None:
    draw = np.random.default_rng(1)
    sizes = [1, 2, 3, 5, 8, 13, 31, 33, 63, 64, 65, 100, 255, 299]
    with closing(ScoringModel(served.version, features)) as model:
        together = model.scores(batch_of(features, ROWS))
        for size in sizes:
            chosen = draw.permutation(len(ROWS))[:size]
            some = model.scores(batch_of(features, [ROWS[n] for n in chosen]))
            np.testing.assert_array_equal(some, together[chosen])


def test_scores_are_those_of_the_server(served: Any, features: Any) -> None:
    answers = asyncio.run(_asked(served.folder, [8, 64, 200]))

    with closing(ScoringModel(served.version, features)) as model:
        scores = model.scores(batch_of(features, ROWS))

    for size, answer in answers.items():
        np.testing.assert_array_equal(answer, scores[:size])
    # A request that fills no packet may differ in its last bits.
    few = asyncio.run(_asked(served.folder, [1, 3]))
    for size, answer in few.items():
        np.testing.assert_allclose(answer, scores[:size], rtol=0, atol=2.4e-7)


async def _asked(folder: Path, sizes: list[int]) -> dict[int, np.ndarray]:
    """Returns what `shardline serve` answers over gRPC, by the size of the request."""
    server = Server(Settings(folder=folder, name="scored", grpc_port=0, rest_port=0))
    await server.start()
    try:
        while server.versions.current is None:
            await asyncio.sleep(0.05)
        async with grpc.aio.insecure_channel(f"127.0.0.1:{server.grpc_port}") as to:
            stub = prediction_service_pb2_grpc.PredictionServiceStub(to)
            return {size: await _answer(stub, size) for size in sizes}
    finally:
        await server.stop()


async def _answer(stub: Any, size: int) -> np.ndarray:
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "scored"
    serialized = [example(row) for row in ROWS[:size]]
    request.inputs["examples"].CopyFrom(tf.make_tensor_proto(serialized))
    reply = await stub.Predict(request, wait_for_ready=True, timeout=60)
    return tf.make_ndarray(reply.outputs["scores"])


def test_value_that_the_model_refuses_is_told(served: Any, features: Any) -> None:
    with closing(ScoringModel(served.version, features)) as model:
        batch = batch_of(features, [*ROWS, ROWS[0] | {"hour": 24}])
        with pytest.raises(ScoringError, match=r"hour.*24"):
            model.scores(batch)


def test_model_of_other_features_is_refused(served: Any, features: Any) -> None:
    numbers = {k: v for k, v in features.numbers.items() if k != "size"}
    without = features.model_copy(update={"numbers": numbers})

    with pytest.raises(ScoringError, match=r"Version 7 in .*asks for `size`, which no"):
        ScoringModel(served.version, without)


def test_newest_version_or_the_one_that_is_named(served: Any, tmp_path: Path) -> None:
    for number in (3, 12):
        (tmp_path / str(number)).symlink_to(served.folder / str(VERSION))

    assert published_version(str(tmp_path), None) == Version(str(tmp_path), 12)
    assert published_version(str(tmp_path), 3) == Version(str(tmp_path), 3)
    with pytest.raises(PublicationError, match="no version 4; the newest are 3, 12"):
        published_version(str(tmp_path), 4)
    with pytest.raises(PublicationError, match="holds no published model"):
        published_version(str(tmp_path / "none"), None)


def test_version_that_is_gone_is_told(served: Any, features: Any) -> None:
    with pytest.raises(PublicationError, match="has no version 8 any more"):
        ScoringModel(Version(str(served.folder), 8), features)
