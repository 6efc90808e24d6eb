"""The columns that a feature set reads, by whom, and as which inputs of the model."""

import pytest

from shardline.configs.column import Column
from shardline.configs.columns import (
    column_uses,
    derived_uses,
    feature_columns,
    lookup_inputs,
    model_inputs,
    raw_columns,
    reader_of,
)
from shardline.configs.features import Derived, Feature, Features, Ids, Number, Target

FEATURES = Features(
    features={
        "user": Feature(table="user", default="none"),
        "tags": Feature(table="tag", combiner="mean", weights="scores"),
        "pair": Feature(table="pair", cross=("user", "city")),
        "shop": Feature(table="shop", column="shop_id", ids=Ids(range=9)),
    },
    numbers={"age": Number(missing="mean"), "ratio": Number()},
    derived=Derived(
        function="a.made",
        inputs={"price": Column("float")},
        outputs={"ratio": Column("float")},
    ),
)


def test_raw_columns_are_those_that_examples_must_hold() -> None:
    columns = raw_columns(FEATURES, Target(label="bought", example_weight="times"))

    assert columns == {
        "user": Column("string"),  # it is crossed, so it may not be missing
        "tags": Column("string", ragged=True),
        "scores": Column("float", ragged=True),
        "shop_id": Column("int64"),
        "age": Column("float", optional=True),
        "price": Column("float"),
        "bought": Column("float"),
        "times": Column("float"),
        "city": Column("string"),
    }


def test_feature_columns_have_the_derived_ones() -> None:
    columns = feature_columns(FEATURES)

    assert columns["ratio"] == Column("float")
    assert "price" not in columns


def test_column_used_once_where_it_may_not_miss_is_not_optional() -> None:
    both = Features(
        features={},
        numbers={"a": Number(column="x", missing="mean"), "b": Number(column="x")},
    )

    assert raw_columns(both) == {"x": Column("float")}


def test_uses_lead_to_the_key_that_names_the_column() -> None:
    uses = {
        (use.name, use.part.who): (*use.part.config_path, use.key)
        for use in [*column_uses(FEATURES, Target()), *derived_uses(FEATURES)]
    }

    assert uses["shop_id", "feature `shop`"] == ("features", "shop", "column")
    assert uses["scores", "weights of feature `tags`"][1:] == ("tags", "weights")
    assert uses["age", "number `age`"] == ("numbers", "age", "column")
    assert uses["price", "derived"] == ("derived", "inputs", "price")
    assert uses["ratio", "derived"] == ("derived", "outputs", "ratio")
    assert uses["label", "label"] == ("data", "label")


@pytest.mark.parametrize(
    ("column", "who"),
    [
        ("user", "feature `user`"),
        ("scores", "feature `tags`"),
        ("city", "feature `pair`"),
        ("age", "number `age`"),
        ("price", "derived"),
    ],
)
def test_reader_of_a_column_is_a_feature_a_number_or_derived(
    column: str, who: str
) -> None:
    assert reader_of(FEATURES, column).who == who


@pytest.mark.parametrize(
    ("name", "ragged", "inputs"),
    [
        ("user", False, ["user"]),
        ("user id", True, ["user_id_values", "user_id_row_splits"]),
        ("3d", False, ["column_3d"]),
        ("", False, ["column_"]),
        ("_x", False, ["column__x"]),
        ("\u7528\u6237", False, ["column___"]),
        ("\u7528\u6237", True, ["column____values", "column____row_splits"]),
        ("class", False, ["column_class"]),
        ("class", True, ["class_values", "class_row_splits"]),
        ("self", False, ["column_self"]),
        ("Größe", False, ["size"]),
        ("Größe", True, ["size_values", "size_row_splits"]),
    ],
)
def test_model_inputs_are_arguments_of_python(
    name: str, ragged: bool, inputs: list[str]
) -> None:
    assert model_inputs(name, {"Größe": "size"}, ragged=ragged) == inputs


@pytest.mark.parametrize(
    ("ragged", "weighted", "inputs"),
    [
        (False, False, ["f"]),
        (True, False, ["f_values", "f_row_splits"]),
        (True, True, ["f_values", "f_row_splits", "f_weights"]),
    ],
)
def test_lookup_inputs_follow_the_kind_of_the_feature(
    ragged: bool, weighted: bool, inputs: list[str]
) -> None:
    assert lookup_inputs("f", ragged=ragged, weighted=weighted) == inputs
