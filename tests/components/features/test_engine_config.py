"""The engine's configuration objects."""

from typing import Any

import pytest
import tensorflow as tf

from components.features.engine_config import engine_config, engine_optimizer
from configs.schema import SGD, Adagrad, Adam, Feature, FeatureSet, Optimizer, Table

_embedding = tf.tpu.experimental.embedding
FEATURES = FeatureSet(
    features={
        "movie": Feature(table="movie"),
        "history": Feature(table="movie", max_sequence_length=7),
        "liked": Feature(table="movie", combiner="sqrtn"),
        "user": Feature(table="user"),
    },
    tables={
        "movie": Table(dim=4, optimizer=Optimizer(sgd=SGD()), initial_stddev=0.5),
        "user": Table(dim=2, optimizer=Optimizer(adam=Adam())),
    },
)


@pytest.fixture
def config() -> dict[str, Any]:
    """Configuration of FEATURES."""
    return engine_config(FEATURES, {"movie": 30, "user": 20})


def test_features_of_one_table_share_its_configuration(config: dict[str, Any]) -> None:
    assert config["movie"].table is config["history"].table
    assert config["movie"].table is config["liked"].table
    assert config["user"].table is not config["movie"].table


def test_table_has_the_rows_that_were_counted(config: dict[str, Any]) -> None:
    table = config["movie"].table

    assert (table.vocabulary_size, table.dim, table.name) == (30, 4, "movie")
    assert table.combiner == "sqrtn"
    assert isinstance(table.optimizer, _embedding.SGD)


def test_table_starts_with_the_deviation_asked_for(config: dict[str, Any]) -> None:
    drawn = config["movie"].table.initializer([20_000])

    # A normal distribution cut at two deviations keeps 0.88 of its deviation.
    assert tf.math.reduce_std(drawn).numpy() == pytest.approx(0.44, abs=0.02)
    assert tf.reduce_max(tf.abs(drawn)) <= 1.0


def test_only_a_sequence_has_a_length(config: dict[str, Any]) -> None:
    lengths = {name: feature.max_sequence_length for name, feature in config.items()}

    assert lengths == {"movie": 0, "history": 7, "liked": 0, "user": 0}
    assert [feature.name for feature in config.values()] == list(config)


def test_tables_that_are_only_served_have_no_optimizer() -> None:
    config = engine_config(FEATURES, {"movie": 30, "user": 20}, trainable=False)

    assert [feature.table.optimizer for feature in config.values()] == [None] * 4


@pytest.mark.parametrize(
    ("chosen", "kind", "expected"),
    [
        ({"sgd": SGD(learning_rate=0.25)}, _embedding.SGD, {"learning_rate": 0.25}),
        (
            {"adagrad": Adagrad(learning_rate=0.5, initial_accumulator_value=4e-7)},
            _embedding.Adagrad,
            {"learning_rate": 0.5, "initial_accumulator_value": 4e-7},
        ),
        (
            {"adam": Adam(learning_rate=0.1, beta_1=0.5, beta_2=0.75, epsilon=1e-3)},
            _embedding.Adam,
            {"learning_rate": 0.1, "beta_1": 0.5, "beta_2": 0.75, "epsilon": 1e-3},
        ),
    ],
    ids=["sgd", "adagrad", "adam"],
)
def test_optimizer_takes_its_settings_along(
    chosen: dict[str, Any], kind: type, expected: dict[str, float]
) -> None:
    optimizer = engine_optimizer(Optimizer(**chosen))

    assert type(optimizer) is kind
    assert {name: getattr(optimizer, name) for name in expected} == expected
