"""What a configuration names by import path is tried."""

from collections.abc import Callable
from pathlib import Path

from shardline.components.checker.named_objects import try_named_objects
from shardline.components.checker.report import Draft
from shardline.components.checker.uses import uses_of
from shardline.configs import load_job


def tried(config: Path) -> Draft:
    job, draft = load_job(config), Draft()
    try_named_objects(config, job, uses_of(job), draft)
    return draft


def test_declared_columns_are_reported(small_config: Callable[..., Path]) -> None:
    draft = tried(small_config())

    assert draft.findings == []
    assert {"user_id", "label"} <= {column.name for column in draft.columns}
    assert "No sample was taken" in draft.notes[0]


def test_reader_that_cannot_be_made_is_one_fault(
    small_config: Callable[..., Path],
) -> None:
    draft = tried(small_config(options="{eval_fraction: 1.5}"))

    (finding,) = dict.fromkeys(draft.findings)
    assert finding.config_path == ("data", "reader")
    assert finding.who == "data.reader"
    assert draft.columns == []


def test_column_that_the_reader_lacks_is_a_fault_of_its_feature(
    small_config: Callable[..., Path],
) -> None:
    draft = tried(small_config(user_id="{table: user, column: usr}"))

    (finding,) = dict.fromkeys(draft.findings)
    assert finding.config_path == ("features", "user_id")
    assert finding.message.startswith("column `usr` is not among the reader's columns")
