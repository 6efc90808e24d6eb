"""The engine's configuration objects."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest
import tensorflow as tf

from shardline.components.model.engine_config import (
    engine_config,
    engine_optimizer,
    table_policies,
    table_rows,
)
from shardline.configs.schema import (
    SGD,
    Adagrad,
    Adam,
    Feature,
    FeatureSet,
    Optimizer,
    Table,
)

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


def test_table_is_quantized_as_it_is_said() -> None:
    quantization = {"buckets": 16, "lower": -2.0, "upper": 0.5}
    features = FeatureSet.model_validate(
        {
            "features": {"user": {"table": "user"}, "shop": {"table": "shop"}},
            "tables": {
                "user": {"dim": 2, "quantization": quantization},
                "shop": {"dim": 2, "policy": "drop"},
            },
        }
    )

    config = engine_config(features, {"user": 5, "shop": 6})

    held = config["user"].table.quantization_config
    assert (held.num_buckets, held.lower, held.upper) == (16, -2.0, 0.5)
    assert config["shop"].table.quantization_config is None
    assert table_policies(features) == {"user": "error", "shop": "drop"}


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


def rows_of(
    table: Mapping[str, Any], ids: Mapping[str, Any], tokens: int = 20
) -> dict[str, int]:
    """Returns the rows of a table whose vocabulary has so many tokens."""
    kinds = {"combiner": "mean", "dtype": None, "ids": ids}
    features = FeatureSet.model_validate(
        {
            "features": {
                name: {"table": "movie"} | kinds for name in ("seen", "liked")
            },
            "tables": {"movie": {"dim": 4} | table},
        }
    )
    transform_output = SimpleNamespace(vocabulary_size_by_name={"movie": tokens}.get)
    return table_rows(features, transform_output)


@pytest.mark.parametrize(
    ("table", "ids", "rows"),
    [
        ({}, {}, 21),
        ({"oov_rows": 5}, {}, 25),
        ({"oov_rows": 5, "max_tokens": 1000}, {}, 25),
        ({"oov_rows": 5, "rows": 25}, {}, 25),
        ({"oov_rows": 5, "rows": 64}, {}, 64),
        ({}, {"hash_buckets": 50, "salt": "a"}, 50),
        ({"rows": 64}, {"hash_buckets": 50}, 64),
        ({}, {"range": 30}, 30),
        ({}, {"range": 30, "out_of_range": "error"}, 30),
        ({}, {"range": 30, "out_of_range": "oov_rows"}, 31),
        ({"oov_rows": 4}, {"range": 30, "out_of_range": "oov_rows"}, 34),
        ({"oov_rows": 4, "rows": 40}, {"range": 30, "out_of_range": "oov_rows"}, 40),
        ({}, {"quantile_buckets": 8}, 8),
    ],
    ids=str,
)
def test_rows_follow_from_the_kind_of_ids(
    table: dict[str, Any], ids: dict[str, Any], rows: int
) -> None:
    assert rows_of(table, ids) == {"movie": rows}


def test_vocabulary_that_outgrows_the_rows_given_is_an_error() -> None:
    with pytest.raises(
        ValueError,
        match=r"Table 'movie': its vocabulary has 20 tokens and needs 23 rows "
        r"\(`oov_rows: 3`\), `rows` is 22\. Give it more `rows`",
    ):
        rows_of({"oov_rows": 3, "rows": 22}, {})
