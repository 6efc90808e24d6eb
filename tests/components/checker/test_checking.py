"""A check goes from the quick to the slow, and stops at faults."""

from collections.abc import Callable
from pathlib import Path

import pytest

from shardline.components.checker.checking import check
from shardline.configs import ConfigError
from shardline.configs.schema import Job

COLUMNS = {
    "item": [f"i{i}" for i in range(12)],
    "tags": ["x|y", "z"] * 6,
    "scores": ["1|2", "3"] * 6,
    "label": [0, 1] * 6,
}


def test_good_configuration_is_tried_to_its_end(
    job_of: Callable[..., Job], write_csv: Callable[..., str], tmp_path: Path
) -> None:
    write_csv("train.csv", **COLUMNS)
    job_of()
    said: list[str] = []

    report = check(tmp_path / "sales.yaml", 100, said.append)

    assert report.verdict == "4 columns fit, 12 examples sampled"
    assert said == [
        "Looking at the files of split `train`",
        "Trying what the configuration names, and the preprocessing",
    ]
    assert report.notes == (
        "Without `training` and `evaluation` the model was not tried; `shardline run` "
        "needs both.",
    )


def test_preprocessing_is_not_tried_after_a_fault(
    job_of: Callable[..., Job], write_csv: Callable[..., str], tmp_path: Path
) -> None:
    write_csv("train.csv", **(COLUMNS | {"label": [2] * 12}))
    job_of()

    report = check(tmp_path / "sales.yaml", 100, lambda _: None)

    assert [fault.finding.who for fault in report.faults] == ["label"]
    assert "The preprocessing was not tried, for there are faults." in report.notes


def test_missing_value_has_the_line_of_the_feature_and_not_of_its_column(
    job_of: Callable[..., Job], write_csv: Callable[..., str], tmp_path: Path
) -> None:
    write_csv("train.csv", **(COLUMNS | {"item": [*COLUMNS["item"][:-1], ""]}))
    block = "item:\n    table: item\n    column: item"
    job_of(("item: {table: item}", block))

    report = check(tmp_path / "sales.yaml", 100, lambda _: None)

    (fault,) = report.faults
    assert "column `item` has no value" in fault.text
    assert fault.line == 6


def test_column_of_another_type_has_the_line_of_its_dtype(
    job_of: Callable[..., Job], write_csv: Callable[..., str], tmp_path: Path
) -> None:
    write_csv("train.csv", **COLUMNS)
    block = "item:\n    table: item\n    dtype: int64"
    job_of(("item: {table: item}", block))

    report = check(tmp_path / "sales.yaml", 100, lambda _: None)

    (fault,) = report.faults
    assert "column `item` holds string values" in fault.text
    assert fault.line == 8


def test_faults_of_the_configuration_come_before_all(tmp_path: Path) -> None:
    (tmp_path / "sales.yaml").write_text("name: sales\n")

    with pytest.raises(ConfigError, match="`data` is missing"):
        check(tmp_path / "sales.yaml", 100, lambda _: None)
