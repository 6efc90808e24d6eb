"""Numbers and every kind of id, exported, answer as the engine did."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_transform as tft
from shardline_tests import load

from shardline.components.contracts.living_vocabulary import TableChanges
from shardline.components.exporter.model_card import card_of
from shardline.components.exporter.serving_model import ServingModel
from shardline.components.features.analysis.statistics import (
    FeatureStatistics,
    NumberStatistics,
    VocabularyStatistics,
)
from shardline.components.features.graph.transform_graph import TransformGraph
from shardline.components.features.graph.writer import write_transform_graph
from shardline.components.model.engine_config import table_rows
from shardline.components.trainer.inputs import Batch, filled_batches, unlabelled_batch
from shardline.configs.schema import FeatureSet, Serving, Target

save_untrained = load(Path(__file__).with_name("untrained.py")).save_untrained

BATCH_SIZE = 2
TARGET = Target(label="bought", example_weight="times_seen")
FEATURES = FeatureSet.model_validate(
    {
        "features": {
            "user": {"table": "user", "default": "nobody"},
            "shop": {"table": "shop", "ids": {"hash_buckets": 7, "salt": "s"}},
            "seen": {
                "table": "item",
                "combiner": "mean",
                "weights": "times",
                "ids": {"range": 4, "out_of_range": "oov_rows"},
            },
            "path": {
                "table": "item",
                "column": "clicked",
                "max_sequence_length": 2,
                "keep": "oldest",
                "ids": {"range": 4, "out_of_range": "oov_rows"},
            },
            "age_band": {
                "table": "age",
                "column": "age",
                "ids": {"quantile_buckets": 3},
                "default": 30.0,
            },
            "city_shop": {
                "table": "pair",
                "cross": ["city", "shop"],
                "ids": {"hash_buckets": 11},
            },
        },
        "numbers": {
            "years": {"column": "age", "scale": "z_score", "missing": "mean"},
            "price": {"log": True, "scale": "min_max"},
            "visits": {"dtype": "int64", "missing": 1.0},
        },
        "tables": {
            "user": {"dim": 4, "oov_rows": 2},
            "shop": {"dim": 4},
            "item": {"dim": 4, "oov_rows": 3, "rows": 9},
            "age": {"dim": 4},
            "pair": {"dim": 4},
        },
    }
)
ROWS: list[dict[str, list[Any]]] = [
    {
        "user": [b"ada"],
        "city": [b"Rome"],
        "shop": [b"x"],
        "seen": [0, 3],
        "times": [1.0, 2.0],
        "clicked": [3, 2, 1],
        "age": [25.0],
        "price": [0.5],
        "visits": [4],
    },
    {
        "user": [b"bea"],
        "city": [b"Oslo"],
        "shop": [b"y"],
        "seen": [2, 17],
        "times": [0.5, 0.25],
        "clicked": [-1],
        "age": [61.0],
        "price": [20.0],
        "visits": [0],
    },
    # Nothing that may be missing is there.
    {
        "city": [b"Oslo"],
        "shop": [b"x"],
        "seen": [],
        "times": [],
        "clicked": [],
        "price": [3.0],
    },
]


def serialized(row: dict[str, list[Any]]) -> bytes:
    """Returns a row as a serialized tf.Example."""
    example = tf.train.Example()
    for name, values in row.items():
        feature = example.features.feature[name]
        kind = {bytes: "bytes_list", int: "int64_list", float: "float_list"}
        for value in values:
            getattr(feature, kind[type(value)]).value.append(value)
    return example.SerializeToString()


def number_statistics(mean: float = 0.0, variance: float = 1.0, **others: float) -> Any:
    """Returns statistics of a number."""
    zeros = {"count": 9, "missing": 0, "minimum": 0.0, "maximum": 1.0}
    return NumberStatistics(mean=mean, variance=variance, **(zeros | others))


CHANGES = TableChanges(
    capacity=3, live=3, admitted=1, evicted=1, kept=2, free=0, waiting=4,
    digest="d", state_digest="s",
)  # fmt: skip


class Exported(NamedTuple):
    """A model, what its signatures are, and the scores of the engine."""

    folder: str
    signatures: Any
    scores: np.ndarray


@pytest.fixture(scope="module")
def transform_output(
    tmp_path_factory: pytest.TempPathFactory,
) -> tft.TFTransformOutput:
    """The transform graph of FEATURES, from statistics made up."""
    folder = tmp_path_factory.mktemp("graph")
    (folder / "tokens").mkdir()
    (folder / "tokens" / "user").write_text("bea\nada\nnobody\n")
    statistics = FeatureStatistics(
        examples=9,
        vocabularies={
            "user": VocabularyStatistics(
                size=3, distinct=3, tokens=9, covered=9, unusable=0
            )
        },
        numbers={
            "years": number_statistics(mean=40.0, variance=100.0),
            "price": number_statistics(minimum=0.25, maximum=3.5),
            "visits": number_statistics(),
        },
        boundaries={"age": [28.0, 50.0]},
        living={"user": CHANGES},
    )
    write_transform_graph(
        str(folder / "written"),
        FEATURES.preprocessing(TARGET),
        statistics,
        str(folder / "tokens"),
    )
    return tft.TFTransformOutput(str(folder / "written"))


@pytest.fixture(scope="module")
def exported(
    transform_output: tft.TFTransformOutput, tmp_path_factory: pytest.TempPathFactory
) -> Exported:
    """An untrained model's export, the default dense model on top."""
    folder = str(tmp_path_factory.mktemp("exported"))
    learner = save_untrained(
        folder,
        FEATURES,
        TARGET,
        transform_output,
        hidden_units=[8],
        factor=30,
        batch_size=BATCH_SIZE,
    )
    graph = TransformGraph(transform_output, FEATURES)

    def parse(examples: tf.Tensor) -> Batch:
        return unlabelled_batch(graph(graph.parse(examples)), FEATURES, BATCH_SIZE)

    dataset = tf.data.Dataset.from_tensor_slices([serialized(row) for row in ROWS])
    scores = learner.predict(filled_batches(dataset, BATCH_SIZE, parse))
    ServingModel(folder, transform_output).save(f"{folder}/export")
    return Exported(folder, tf.saved_model.load(f"{folder}/export").signatures, scores)


@pytest.fixture(scope="module")
def answer(exported: Exported) -> Callable[..., np.ndarray]:
    """Scores of the exported model for rows."""

    def ask(*rows: dict[str, list[Any]]) -> np.ndarray:
        examples = tf.constant([serialized(row) for row in rows])
        scores = exported.signatures["serving_default"](examples=examples)["scores"]
        return scores.numpy()

    return ask


def test_every_table_has_the_rows_its_ids_need(
    transform_output: tft.TFTransformOutput,
) -> None:
    assert table_rows(FEATURES, transform_output) == {
        "user": 5,
        "shop": 7,
        "item": 9,
        "age": 3,
        "pair": 11,
    }


def test_card_tells_what_became_of_a_vocabulary_that_lives(
    exported: Exported, transform_output: tft.TFTransformOutput
) -> None:
    card = card_of(
        f"{exported.folder}/export",
        "kinds",
        [],
        checkpoint_folder=exported.folder,
        checkpoint_uri=exported.folder,
        transform_output=transform_output,
        serving=Serving(),
    )

    assert card.vocabularies["user"].tokens == 3
    assert card.vocabularies["user"].living == str(CHANGES)


def test_examples_are_answered_as_the_engine_did(
    exported: Exported, answer: Callable[..., np.ndarray]
) -> None:
    assert len(set(exported.scores.tolist())) == len(ROWS)
    np.testing.assert_allclose(answer(*ROWS), exported.scores, rtol=0, atol=1e-6)
    np.testing.assert_allclose(answer(ROWS[2]), exported.scores[2:], rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    "changed",
    [
        {"age": [70.0]},
        {"price": [2.5]},
        {"visits": [9]},
        {"visits": []},
        {"user": [b"bea"]},
        {"shop": [b"zz"]},
        {"city": [b"Bern"]},
        {"times": [2.0, 1.0]},
        {"clicked": [3, 1, 1]},
    ],
    ids=str,
)
def test_every_column_counts(
    exported: Exported, answer: Callable[..., np.ndarray], changed: dict[str, list[Any]]
) -> None:
    assert abs(answer(ROWS[0] | changed)[0] - exported.scores[0]) > 1e-5


def test_columns_are_answered_as_the_engine_did(exported: Exported) -> None:
    columns = exported.signatures["columns"].structured_input_signature[1]
    ragged = {"seen": tf.int64, "clicked": tf.int64, "times": tf.float32}
    inputs: dict[str, tf.Tensor] = {
        "user": tf.constant(["ada", "bea"]),
        "city": tf.constant(["Rome", "Oslo"]),
        "shop": tf.constant(["x", "y"]),
        "age": tf.constant([25.0, 61.0]),
        "price": tf.constant([0.5, 20.0]),
        "visits": tf.constant([4, 0], tf.int64),
    }
    for name, dtype in ragged.items():
        lists = tf.ragged.constant([row[name] for row in ROWS[:2]], dtype=dtype)
        inputs[f"{name}_values"] = lists.values
        inputs[f"{name}_row_splits"] = lists.row_splits

    scores = exported.signatures["columns"](**inputs)["scores"]

    assert {name: spec.dtype for name, spec in columns.items()} == {
        name: values.dtype for name, values in inputs.items()
    }
    np.testing.assert_allclose(scores, exported.scores[:2], rtol=0, atol=1e-6)
