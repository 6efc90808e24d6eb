"""One thing otherwise than in training, and the table it is in does not pass."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from shardline.components.contracts.parity_lookups import ParityLookups
from shardline.components.contracts.parity_results import TableParity
from shardline.components.validator.replay.parity import compare_tables
from shardline.configs.schema import FeatureSet

ROUNDED = {
    "person": "float16",
    "movie": "int8",
    "tag": "float16",
    "shop": "int8",
    "genre": "int8",
}


@pytest.fixture
def compare(
    lookups: ParityLookups, answers_of: Callable[..., Any]
) -> Callable[..., dict[str, TableParity]]:
    """Compares a model with the engine."""

    def run(model: Any, **precisions: str) -> dict[str, TableParity]:
        return compare_tables(lookups, answers_of(model), precisions)

    return run


def faulty(tables: dict[str, TableParity]) -> set[str]:
    return {name for name, table in tables.items() if table.faults}


def changed(features: FeatureSet, kind: str, name: str, **given: Any) -> FeatureSet:
    """Returns a specification with something else given for a table or feature."""
    parts = dict(getattr(features, kind))
    parts[name] = parts[name].model_copy(update=given)
    return features.model_copy(update={kind: parts})


def test_model_that_computes_the_same_is_equal(
    compare: Callable[..., Any], model: Any, lookups: ParityLookups
) -> None:
    tables = compare(model)

    assert {name: table.faults for name, table in tables.items() if table.faults} == {}
    assert {table.largest_difference for table in tables.values()} == {0.0}
    refused = {name: table.refused for name, table in tables.items()}
    assert refused == {"person": 5, "movie": 11, "tag": 8, "shop": 0, "genre": 0}
    assert len(lookups.requests) == 1 + sum(refused.values())


def _other_combiner(model: Any) -> Any:
    return dataclasses.replace(
        model,
        features=changed(model.features, "features", "liked", combiner="mean"),
    )


def _policy(table: str, policy: str) -> Callable[[Any], Any]:
    def change(model: Any) -> Any:
        features = changed(model.features, "tables", table, policy=policy)
        return dataclasses.replace(model, features=features)

    return change


def _input(name: str, change: Callable[[tf.Tensor], tf.Tensor]) -> Callable[[Any], Any]:
    def change_inputs(flat: Any) -> Any:
        return flat | {name: change(flat[name])}

    return lambda model: dataclasses.replace(model, change_inputs=change_inputs)


def _outputs(
    feature: str, change: Callable[[tf.Tensor], tf.Tensor]
) -> Callable[[Any], Any]:
    def change_outputs(activations: Any) -> Any:
        return activations | {feature: change(activations[feature])}

    return lambda model: dataclasses.replace(model, change_outputs=change_outputs)


def _narrow(ids: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.cast(ids, tf.int32), tf.int64)


def _history(change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def change_inputs(flat: Any) -> Any:
        ids = change(
            tf.RaggedTensor.from_row_splits(
                flat["history_values"], flat["history_row_splits"]
            )
        )
        return flat | {
            "history_values": ids.values,
            "history_row_splits": ids.row_splits,
        }

    return lambda model: dataclasses.replace(model, change_inputs=change_inputs)


def _mean_of_nothing(rows: tf.Tensor) -> tf.Tensor:
    is_empty = tf.reduce_all(rows == 0, axis=1, keepdims=True)
    return tf.where(is_empty, np.float32(np.nan), rows)


def _one_unit_in_one_row(model: Any) -> Any:
    row = model.rows["tag"][-1]
    row[2] = np.nextafter(row[2], np.float32(np.inf))
    return model


@pytest.mark.parametrize(
    ("fault", "table"),
    [
        pytest.param(_other_combiner, "movie", id="another combiner"),
        pytest.param(_policy("tag", "drop"), "tag", id="drop for error"),
        pytest.param(_policy("person", "oov_row"), "person", id="oov_row for error"),
        pytest.param(_policy("shop", "error"), "shop", id="error for drop"),
        pytest.param(_input("user", _narrow), "person", id="int32 ids"),
        pytest.param(_input("shops_values", _narrow), "shop", id="int32 ids of a bag"),
        pytest.param(
            _history(lambda ids: ids[:, -3:]), "movie", id="the newest of a sequence"
        ),
        pytest.param(
            _history(lambda ids: ids[:, ::-1]), "movie", id="order of a sequence"
        ),
        pytest.param(_input("tags_weights", tf.ones_like), "tag", id="weights ignored"),
        pytest.param(_outputs("genres", _mean_of_nothing), "genre", id="empty is NaN"),
        pytest.param(
            _outputs("user", lambda rows: rows[:, :3]), "person", id="another shape"
        ),
        pytest.param(_one_unit_in_one_row, "tag", id="one row by a unit"),
    ],
)
def test_any_single_fault_is_found_in_its_table(
    compare: Callable[..., Any], model: Any, fault: Callable[[Any], Any], table: str
) -> None:
    tables = compare(fault(model))

    assert table in faulty(tables)
    if table != "shop":
        assert faulty(tables) == {table}


def test_sums_taken_as_on_other_hosts_are_found(
    compare: Callable[..., Any], model: Any
) -> None:
    found = faulty(compare(dataclasses.replace(model, hosts=1)))

    # Not the table that is only asked for single rows.
    assert "movie" in found
    assert "person" not in found


def test_worst_example_is_named(compare: Callable[..., Any], model: Any) -> None:
    row = model.rows["person"][0]
    before = row[1]
    row[1] += 0.5

    table = compare(model)["person"]

    assert table.worst.case == "first and last rows"
    assert (table.worst.feature, table.worst.example) == ("user", 0)
    assert (table.worst.ids, table.worst.weights, table.worst.position) == (
        [0],
        None,
        [1],
    )
    assert table.faults == [
        f"feature 'user', case 'first and last rows', example 0: ids [0], value [1]: "
        f"the engine said {before:.9g}, the model {row[1]:.9g}; they differ by "
        "0.5, at most 0 is allowed"
    ]


def test_answer_instead_of_a_refusal_is_named(
    compare: Callable[..., Any], model: Any
) -> None:
    faults = compare(_policy("person", "oov_row")(model))["person"].faults

    assert faults[0] == (
        "feature 'user', case 'negative id': ids [-1]: the engine refused, the model "
        "answers"
    )
    assert len(faults) == 5


def test_another_error_is_no_refusal(
    lookups: ParityLookups, answers_of: Callable[..., Any], model: Any
) -> None:
    answers = answers_of(model)
    answers.refusals[1] = dataclasses.replace(
        answers.refusals[1], error="NotFoundError", message="no\n such table"
    )

    (fault,) = compare_tables(lookups, answers, {})["person"].faults

    assert "expected InvalidArgumentError, got NotFoundError: no such table" in fault


def test_rounded_tables_pass_and_are_not_equal(
    compare: Callable[..., Any], model: Any
) -> None:
    model = dataclasses.replace(model, precisions=ROUNDED)

    tables = compare(model, **ROUNDED)

    assert faulty(tables) == set()
    assert {name: table.precision for name, table in tables.items()} == ROUNDED
    for table in tables.values():
        assert 0.1 * table.worst.allowed < table.largest_difference
    assert faulty(compare(model)) == set(ROUNDED)


@pytest.mark.parametrize(
    ("precision", "part"), [("float16", 2.0**-9), ("int8", 1 / 127)], ids=str
)
def test_rounded_table_is_not_off_by_more_than_its_rounding(
    compare: Callable[..., Any], model: Any, precision: str, part: float
) -> None:
    rows = model.rows["movie"]
    rows += part * np.abs(rows).max(axis=1, keepdims=True)

    assert faulty(compare(model, movie=precision)) == {"movie"}
