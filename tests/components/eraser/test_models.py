"""A served model answers for an erased id as for one that it never knew."""

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from shardline_tests import load
from tensorflow_serving.apis import prediction_log_pb2

from shardline.components.contracts.living_vocabulary import free_line
from shardline.components.eraser.models import erase_from_model

scope_of_movies = load("components/eraser/scopes.py").scope_of_movies
WARMUP = "assets.extra/tf_serving_warmup_requests"


@pytest.fixture
def model(old_run: Path, tmp_path: Path) -> Path:
    """A copy of the served model."""
    (version,) = (old_run / "serving").glob("[0-9]*")
    return Path(shutil.copytree(version, tmp_path / "model"))


def parity(model: Path) -> list[tf.train.Example]:
    path = str(model / "assets.extra" / "parity" / "examples.tfrecord")
    records = tf.data.TFRecordDataset(path).as_numpy_iterator()
    return [tf.train.Example.FromString(record) for record in records]


def scores(model: Path, example: tf.train.Example, *movies: str) -> np.ndarray:
    asked = []
    for movie in movies:
        changed = tf.train.Example()
        changed.CopyFrom(example)
        changed.features.feature["movie_id"].bytes_list.value[0] = movie.encode()
        asked.append(changed.SerializeToString())
    signature = tf.saved_model.load(str(model)).signatures["serving_default"]
    found: np.ndarray = signature(examples=tf.constant(asked))["scores"].numpy()
    return found


def movie_of(example: tf.train.Example) -> str:
    value: bytes = example.features.feature["movie_id"].bytes_list.value[0]
    return value.decode()


def holds(example: tf.train.Example, movie: str) -> bool:
    features = example.features.feature
    return movie.encode() in (
        *features["movie_id"].bytes_list.value,
        *features["history"].bytes_list.value,
    )


def known_movies(model: Path) -> list[str]:
    """Movies with a row that some parity examples hold, and some do not."""
    examples = parity(model)
    tokens = (model / "assets" / "movie").read_text().split()
    return [
        movie
        for movie in tokens
        if 0 < sum(holds(one, movie) for one in examples) < len(examples)
    ]


def test_erased_id_is_answered_as_an_unknown_one(model: Path) -> None:
    gone, kept = known_movies(model)[:2]
    examples = [one for one in parity(model) if not holds(one, gone)]
    dropped = len(parity(model)) - len(examples)
    before = scores(model, examples[0], gone, "nobody", kept)
    assert before[0] != before[1]

    change = erase_from_model(model, scope_of_movies(gone.encode()))

    after = scores(model, examples[0], gone, "nobody", kept)
    assert after.tolist() == [before[1], before[1], before[2]]
    assert (change.tokens, change.rows) == (1, 1)
    assert change.parity_examples == dropped > 0
    assert not erase_from_model(model, scope_of_movies(gone.encode()))


def test_what_travels_with_the_model_agrees_with_it(model: Path) -> None:
    gone = known_movies(model)[0]
    line = (model / "assets" / "movie").read_text().split("\n").index(gone)

    erase_from_model(model, scope_of_movies(gone.encode()), {})

    left = parity(model)
    assert left
    assert not any(holds(example, gone) for example in left)
    recorded = np.load(model / "assets.extra" / "parity" / "scores.npy")
    signature = tf.saved_model.load(str(model)).signatures["serving_default"]
    answered = signature(examples=tf.constant([e.SerializeToString() for e in left]))
    np.testing.assert_allclose(answered["scores"].numpy(), recorded, atol=1e-6)
    asset = (model / "assets" / "movie").read_bytes()
    assert asset.decode().split("\n")[line] == free_line(line)
    card = json.loads((model / "assets.extra" / "model.json").read_text())
    assert card["vocabularies"]["movie"]["sha256"] == hashlib.sha256(asset).hexdigest()
    assert card["vocabularies"]["movie"]["tokens"] == asset.count(b"\n")
    sizes = [path.stat().st_size for path in (model / "assets").iterdir()]
    assert card["sizes"]["vocabularies"] == sum(sizes)
    records = tf.data.TFRecordDataset(str(model / WARMUP)).as_numpy_iterator()
    logs = [prediction_log_pb2.PredictionLog.FromString(one) for one in records]
    asked = [
        tf.train.Example.FromString(example)
        for log in logs
        for example in log.predict_log.request.inputs["examples"].string_val
    ]
    assert asked
    assert not any(holds(example, gone) for example in asked)


def test_model_without_an_example_left_has_no_requests(model: Path) -> None:
    movies = {movie_of(one).encode() for one in parity(model)}

    erase_from_model(model, scope_of_movies(*movies))

    assert parity(model) == []
    assert not (model / WARMUP).exists()


def test_model_without_the_id_keeps_its_bytes(model: Path) -> None:
    before = {path: path.read_bytes() for path in model.rglob("*") if path.is_file()}

    assert not erase_from_model(model, scope_of_movies(b"nobody"))

    assert before == {p: p.read_bytes() for p in model.rglob("*") if p.is_file()}
