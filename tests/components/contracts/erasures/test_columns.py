"""Which raw columns hold tokens of a table."""

from shardline.components.contracts.erasures.columns import (
    ErasableColumn,
    erasable_columns,
    read_columns,
)
from shardline.configs.features import Features


def features(**of: dict) -> Features:
    return Features.model_validate({"features": of})


def test_every_column_with_tokens_is_named_with_its_weights() -> None:
    found = erasable_columns(
        features(
            user={"table": "user", "column": "user_id", "dtype": "int64"},
            movie={"table": "movie"},
            history={"table": "movie", "combiner": "mean", "weights": "seconds"},
            bucket={"table": "hashed", "column": "movie", "ids": {"hash_buckets": 9}},
            price={"table": "price", "ids": {"quantile_buckets": 4}},
            both={"table": "both", "cross": ("movie", "country")},
        )
    )

    assert found == {
        "user_id": ErasableColumn(tables=("user",), ragged=False),
        "movie": ErasableColumn(tables=("hashed", "movie"), ragged=False),
        "history": ErasableColumn(tables=("movie",), ragged=True, weights=("seconds",)),
    }


def test_what_a_function_reads_counts_for_the_tables_of_what_it_makes() -> None:
    described = features(last={"table": "movie"}).model_dump()
    described["derived"] = {
        "function": "a.function",
        "inputs": {
            "history": {"dtype": "string", "ragged": True},
            "age": {"dtype": "float"},
        },
        "outputs": {"last": {"dtype": "string"}},
    }

    found = erasable_columns(Features.model_validate(described))

    assert found == {"history": ErasableColumn(tables=("movie",), ragged=True)}


def test_what_is_read_is_known_for_other_columns_to_be_told_from_it() -> None:
    read = read_columns(features(user={"table": "user"}), "label", None)

    assert read == {"user", "label"}
