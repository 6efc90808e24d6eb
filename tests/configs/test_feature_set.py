"""A feature set, its preprocessing, and what the features of a table share."""

from typing import Any

import pytest
from pydantic import ValidationError

from shardline.configs.schema import (
    SGD,
    Adagrad,
    Adam,
    Feature,
    FeatureSet,
    Optimizer,
    Preprocessing,
    Table,
    Target,
)

ADAGRAD = Optimizer(adagrad=Adagrad(learning_rate=0.1, initial_accumulator_value=4e-7))


def feature_set(**movie: Any) -> FeatureSet:
    """A set with every kind of feature; `movie` changes the table of that name."""
    movie = {"dim": 4, "optimizer": ADAGRAD, "min_count": 5, **movie}
    return FeatureSet(
        features={
            "user_id": Feature(table="user"),
            "history": Feature(table="movie", max_sequence_length=3),
            "liked": Feature(table="movie", combiner="sqrtn"),
            "tags": Feature(
                table="tag", column="words", combiner="mean", weights="scores"
            ),
        },
        tables={
            "user": Table(dim=4, optimizer=Optimizer(sgd=SGD()), oov_rows=3),
            "movie": Table(**movie),
            "tag": Table(dim=4, optimizer=Optimizer(adam=Adam(epsilon=1e-9))),
        },
    )


@pytest.mark.parametrize(
    "section",
    [feature_set(), feature_set().preprocessing(Target(label="label"))],
    ids=lambda section: type(section).__name__,
)
def test_feature_set_comes_back_from_json_equal(section: Any) -> None:
    assert type(section).model_validate_json(section.model_dump_json()) == section


@pytest.mark.parametrize(
    "change",
    [{"dim": 64}, {"optimizer": Optimizer(sgd=SGD())}, {"initial_stddev": 1.0}],
    ids=lambda change: next(iter(change)),
)
def test_preprocessing_does_not_follow_how_a_table_learns(
    change: dict[str, Any],
) -> None:
    before = feature_set().preprocessing(Target(label="label"))

    after = feature_set(**change).preprocessing(Target(label="label"))

    assert after.model_dump_json() == before.model_dump_json()


@pytest.mark.parametrize("change", [{"oov_rows": 2}, {"min_count": 6}], ids=str)
def test_preprocessing_follows_how_a_table_counts(change: dict[str, Any]) -> None:
    before = feature_set().preprocessing(Target(label="label"))

    assert feature_set(**change).preprocessing(Target(label="label")) != before


def test_preprocessing_holds_every_table_and_the_label() -> None:
    preprocessing = feature_set().preprocessing(Target(label="clicked"))

    assert isinstance(preprocessing, Preprocessing)
    assert set(preprocessing.vocabularies) == {"user", "movie", "tag"}
    assert preprocessing.vocabularies["user"].oov_rows == 3
    assert preprocessing.target.label == "clicked"


def test_features_of_a_table_are_those_that_name_it() -> None:
    assert set(feature_set().features_of("movie")) == {"history", "liked"}


@pytest.mark.parametrize(
    ("table", "combiner"), [("movie", "sqrtn"), ("tag", "mean"), ("user", "sum")]
)
def test_combiner_of_a_table_is_that_of_its_pooled_features(
    table: str, combiner: str
) -> None:
    assert feature_set().combiner_of(table) == combiner


@pytest.mark.parametrize(
    ("name", "ragged"),
    [("user_id", False), ("history", True), ("liked", True), ("tags", True)],
)
def test_feature_is_ragged_where_it_may_hold_any_number_of_ids(
    name: str, ragged: bool
) -> None:
    assert feature_set().features[name].is_ragged is ragged


def test_section_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        feature_set().features["user_id"].table = "movie"


def test_set_without_features_is_refused() -> None:
    with pytest.raises(ValidationError, match="`features` is empty; name at least one"):
        FeatureSet(features={}, tables={})
