"""What pydantic finds, as faults with their paths."""

from typing import Any

import pytest
from pydantic import ValidationError

from shardline.configs.fault import Fault
from shardline.configs.schema import Run
from shardline.configs.schema_faults import faults_of

SOUND: dict[str, Any] = {
    "name": "tiny",
    "data": {"reader": "a.B", "path": "p"},
    "features": {"user": {"table": "user"}},
    "tables": {"user": {"dim": 4}},
    "training": {"batch_size": 8, "epochs": 1},
    "evaluation": {"min_auc": 0.5},
}


def faults_with(**sections: Any) -> list[Fault]:
    with pytest.raises(ValidationError) as raised:
        Run.model_validate(SOUND | sections)
    return [fault for error in raised.value.errors() for fault in faults_of(error)]


def test_unknown_key_has_the_nearest_known_one_as_remedy() -> None:
    (fault,) = faults_with(tables={"user": {"dim": 4, "oov_row": 2}})

    assert fault.config_path == ("tables", "user", "oov_row")
    assert (fault.message, fault.remedy) == (
        "unknown key `oov_row`",
        "did you mean `oov_rows`?",
    )


def test_missing_key_has_its_path() -> None:
    (fault,) = faults_with(tables={"user": {}})

    assert fault.config_path == ("tables", "user", "dim")
    assert fault.text == "`tables.user.dim` is missing"


def test_wrong_value_is_shown_with_its_path() -> None:
    (fault,) = faults_with(evaluation={"min_auc": "\x1b"})

    assert fault.config_path == ("evaluation", "min_auc")
    assert fault.who == "`evaluation.min_auc`"
    assert fault.message.endswith(r", got '\x1b'")


def test_faults_between_sections_come_as_the_rules_gave_them() -> None:
    first, second = faults_with(features={"user": {"table": "city"}})

    assert first.config_path == ("features", "user", "table")
    assert second == Fault(
        ("tables", "user"),
        "table `user` has no feature",
        "remove it or name it in a feature",
    )


def test_name_that_is_none_is_told_in_words() -> None:
    (run,) = faults_with(name="MyRun")
    table, key = faults_with(
        tables={"user": {"dim": 4}, "My Table": {"dim": 4}},
        features={"user": {"table": "User"}},
    )

    expected = (
        "a name has lower case letters, digits and underscores, the first a letter"
    )
    assert run.text == f"`name`: {expected}, got 'MyRun'"
    assert (table.config_path, key.config_path) == (
        ("features", "user", "table"),
        ("tables", "My Table"),
    )
    assert key.text == f"`tables.My Table`: {expected}, got 'My Table'"


def test_component_that_no_pipeline_has_is_an_unknown_key() -> None:
    near, far = faults_with(resources={"Traner": {}, "x": {}})

    assert near.config_path == ("resources", "Traner")
    assert near.remedy == "did you mean `Trainer`?"
    assert far.remedy.startswith("known keys: Evaluator, ExampleValidator, ")
