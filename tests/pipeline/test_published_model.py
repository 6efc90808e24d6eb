"""The model that a run published answers as in training, also from a delta."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2
from typer.testing import CliRunner, Result

from shardline.components.pusher.publication import Record
from shardline.components.pusher.publish import publish_model
from shardline.configs.schema import Publishing
from shardline.pipeline.commands.app import app

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def examples(finished_run: Any) -> list[bytes]:
    """The serialized examples that travel with the published model."""
    path = finished_run.published / "assets.extra" / "parity" / "examples.tfrecord"
    return list(tf.data.TFRecordDataset(str(path)).as_numpy_iterator())


@pytest.fixture(scope="module")
def signatures(finished_run: Any) -> Any:
    """The signatures of the published model."""
    return tf.saved_model.load(str(finished_run.published)).signatures


@pytest.fixture(scope="module")
def scores(signatures: Any, examples: list[bytes]) -> np.ndarray:
    """What the published model answers in Python: float32 [examples]."""
    answer = signatures["serving_default"](examples=tf.constant(examples))
    return answer["scores"].numpy()


@pytest.fixture
def delta_run(finished_run: Any, tmp_path: Path) -> Path:
    """An output folder: the published model, and a delta that changes a parity score.

    What else a publisher keeps of the newest version is not there.
    """
    serving, changed = tmp_path / "run" / "serving", tmp_path / "changed"
    shutil.copytree(finished_run.published, serving / finished_run.published.name)
    leave_out = shutil.ignore_patterns("publication.json")
    shutil.copytree(finished_run.published, changed, ignore=leave_out)
    recorded = changed / "assets.extra" / "parity" / "scores.npy"
    scores = np.load(recorded)
    scores[3] += 0.25
    np.save(recorded, scores)
    publishing = Publishing(mode="delta", max_delta=0.99)
    published = publish_model(str(changed), str(serving), publishing, Record())
    assert published.kind == "delta"
    shutil.rmtree(serving / ".base")
    return serving.parent


def serve_check(config: Path, output_dir: Path) -> Result:
    return CliRunner().invoke(
        app, ["serve-check", str(config), "--output-dir", str(output_dir)]
    )


def test_published_folder_is_what_a_model_server_reads(finished_run: Any) -> None:
    folder = finished_run.published

    assert folder.name.isdigit()
    versions = [path for path in folder.parent.iterdir() if path.name.isdigit()]
    assert versions == [folder]
    assert (folder / "saved_model.pb").is_file()
    assert (folder / "variables" / "variables.index").is_file()
    assert {path.name for path in (folder / "assets").iterdir()} >= {"movie", "user"}


def test_warmup_requests_of_the_published_model_can_be_answered(
    finished_run: Any, signatures: Any, scores: np.ndarray
) -> None:
    path = finished_run.published / "assets.extra" / "tf_serving_warmup_requests"
    records = list(tf.data.TFRecordDataset(str(path)).as_numpy_iterator())
    answered = []
    for record in records:
        log = prediction_log_pb2.PredictionLog.FromString(record)
        request = log.predict_log.request
        assert request.model_spec.name == "small"
        answer = signatures[request.model_spec.signature_name](
            examples=tf.constant(tf.make_ndarray(request.inputs["examples"]))
        )
        answered += answer["scores"].numpy().tolist()

    assert len(records) == 10
    # The examples in their order, again and again.
    np.testing.assert_allclose(answered, np.resize(scores, len(answered)), atol=1e-6)


def test_published_model_passes_serve_check(finished_run: Any) -> None:
    result = serve_check(finished_run.config, finished_run.output_dir)

    assert result.exit_code == 0, result.output
    assert "answers 200 examples as the engine did" in result.output
    assert "lookups of 3 tables are as in training, 29 are refused" in result.output


def test_delta_that_differs_fails_serve_check(
    finished_run: Any, delta_run: Path
) -> None:
    result = serve_check(finished_run.config, delta_run)

    assert result.exit_code == 1
    text = " ".join(result.output.split())
    assert "Scores differ by 0.25, at most 1e-06 is allowed" in text
    assert "example 3 of 200: the engine said" in text
    assert "It is age [" in text or "user_id ['" in text
    assert "Traceback" not in result.output
    assert [path.name for path in delta_run.iterdir()] == ["serving"]


def test_delta_of_a_version_that_is_gone_fails_serve_check(
    finished_run: Any, delta_run: Path
) -> None:
    shutil.rmtree(delta_run / "serving" / finished_run.published.name)

    result = serve_check(finished_run.config, delta_run)

    assert result.exit_code == 1
    assert "cannot be made. Publish a full version." in result.output
    assert "Traceback" not in result.output


def test_c_client_scores_as_python(
    finished_run: Any, score_client: Path, scores: np.ndarray
) -> None:
    parity = finished_run.published / "assets.extra" / "parity"

    done = subprocess.run(
        [score_client, finished_run.published, parity / "examples.tfrecord"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    answered = np.array(done.stdout.split(), np.float32)
    np.testing.assert_allclose(answered, scores, rtol=0, atol=1e-7)
    np.testing.assert_allclose(answered, np.load(parity / "scores.npy"), atol=1e-6)
    assert len(set(answered.tolist())) > 100


def test_columns_signature_scores_as_serving_default(
    signatures: Any, examples: list[bytes], scores: np.ndarray
) -> None:
    columns = signatures["columns"].structured_input_signature[1]
    ragged = {name[: -len("_values")] for name in columns if name.endswith("_values")}
    spec = {
        name: tf.io.RaggedFeature(
            columns[f"{name}_values"].dtype, row_splits_dtype=tf.int64
        )
        for name in ragged
    }
    spec |= {
        name: tf.io.FixedLenFeature([], column.dtype)
        for name, column in columns.items()
        if not name.endswith(("_values", "_row_splits"))
    }
    flat = {}
    for name, column in tf.io.parse_example(examples, spec).items():
        if name in ragged:
            flat |= {
                f"{name}_values": column.values,
                f"{name}_row_splits": column.row_splits,
            }
        else:
            flat[name] = column

    answer = signatures["columns"](**flat)

    assert ragged == {"genres", "history", "past_genres", "past_genre_counts"}
    assert "label" not in columns
    np.testing.assert_allclose(answer["scores"], scores, rtol=0, atol=1e-7)


def test_one_example_alone_scores_as_among_others(
    signatures: Any, examples: list[bytes], scores: np.ndarray
) -> None:
    for place in (0, 7, 199):
        alone = signatures["serving_default"](
            examples=tf.constant(examples[place : place + 1])
        )
        np.testing.assert_allclose(alone["scores"], scores[[place]], atol=1e-6)
