"""Columns that are absent, empty, of another type or bad in some rows."""

import dataclasses
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from shardline.components.checker import column_rules
from shardline.components.checker.uses import Use
from shardline.components.readers.files.columns.canonical import no_value
from shardline.configs.column import Column

USE = Use("item", "feature `item`", ("features", "item", "column"), "ids")


@pytest.mark.parametrize(
    ("columns", "remedy"),
    [
        (["items", "label"], "Did you mean `items`?"),
        ([" item", "label"], "It has ' item', with blanks around the name: leave them"),
        (["b", "a"], "It has a, b."),
        ([], "Its examples have no column at all. Write them."),
    ],
)
def test_absent_column_has_the_nearest_name_as_remedy(
    columns: list[str], remedy: str
) -> None:
    finding = column_rules.absent(USE, columns)

    assert finding.remedy.startswith(remedy)
    assert finding.config_path == USE.config_path
    assert finding.is_fault


def test_remedy_of_a_column_without_values_follows_its_role() -> None:
    finding = column_rules.all_missing(USE)

    assert finding.message == "column `item` has no value in any sampled example."
    assert finding.remedy == "Name another by `column`, or leave the feature out."


def test_misfit_knows_the_files_and_the_reason(sampled: Callable[..., Any]) -> None:
    use, sample, settings = sampled(pa.array([1, 2]), {})

    finding = column_rules.misfit(use, sample, (), settings)

    assert finding is not None
    assert finding.config_path == ("features", "x", "dtype")
    (file, _), *_ = sample.files
    reason = "column `x` does not hold strings in UTF-8"
    assert finding.causes == {file, reason}


def test_column_that_fits_is_no_misfit(sampled: Callable[..., Any]) -> None:
    use, sample, settings = sampled(["a"], {})

    assert column_rules.misfit(use, sample, (), settings) is None


@pytest.mark.parametrize(("mode", "is_fault"), [("error", True), ("skip", False)])
def test_bad_rows_are_hints_where_they_are_skipped(
    sampled: Callable[..., Any], mode: str, is_fault: bool
) -> None:
    values = ["1", "2", "3", "x"]
    use, sample, settings = sampled(values, {"dtype": "int64"}, on_bad_example=mode)

    (finding,) = column_rules.row_findings(use, sample, settings)

    assert finding.is_fault is is_fault
    assert finding.config_path == ("features", "x", "column")
    assert finding.causes == {"column `x` does not hold one int64"}


def test_missing_value_is_told_at_the_feature(sampled: Callable[..., Any]) -> None:
    use, sample, settings = sampled(pa.array(["a", None]), {})
    use = dataclasses.replace(use, needed=Column("string"))

    (finding,) = column_rules.row_findings(use, sample, settings)

    assert finding.config_path == ("features", "x")
    assert finding.causes == {no_value("x")}
