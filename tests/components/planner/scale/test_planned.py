"""Plans that are read, and those that cannot be."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shardline.components.planner.scale.planned import ScaleError, load_plan

Change = Callable[[dict[str, Any]], Any]


@pytest.fixture
def fault(plan_values: dict[str, Any], tmp_path: Path) -> Callable[[Change], str]:
    """Returns what is said of the plan when something in it is changed."""

    def refused(change: Change) -> str:
        change(plan_values)
        file = tmp_path / "plan.json"
        file.write_text(json.dumps(plan_values))
        with pytest.raises(ScaleError) as error:
            load_plan(file)
        return str(error.value)

    return refused


def test_plan_is_read_whatever_else_it_says(
    plan_values: dict[str, Any], tmp_path: Path
) -> None:
    plan_values["sparse_cores"] = 4
    plan_values["tables"]["user"]["limits"] = {}
    file = tmp_path / "plan.json"
    file.write_text(json.dumps(plan_values))

    plan = load_plan(file)

    assert plan.tables["item"].row_bytes == 32
    assert plan.tables["item"].row_bytes_with_slots == 96
    assert plan.features["seen"].ids == 3


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda p: p.pop("tables"), "tables: Field required"),
        (lambda p: p["tables"].clear(), "tables: Dictionary should have at least 1"),
        (lambda p: p.update(hosts=0), r"hosts: .* greater than 0, got 0"),
        (lambda p: p.update(batch_size="many"), "batch_size: .*, got 'many'"),
        (
            lambda p: p["tables"]["user"].pop("frequencies"),
            "tables.user.frequencies: Field required",
        ),
        (
            lambda p: p["tables"]["user"].update(total_bytes=1599),
            "tables.user.total_bytes: rows of 4 floats take 1600 bytes, .*, got 1599",
        ),
        (
            lambda p: p["tables"]["user"].update(total_bytes=2400),
            "tables.user.total_bytes: .* a multiple of that, got 2400",
        ),
        (
            lambda p: p["tables"]["user"].update(frequencies=[[2, 7]]),
            "tables.user.frequencies: the first rank is 1, got 2",
        ),
        (
            lambda p: p["tables"]["user"].update(frequencies=[[1, 7], [2, 8]]),
            r"tables.user.frequencies: ranks rise and .*, got \[1, 7\] before \[2, 8\]",
        ),
        (
            lambda p: p["features"]["user"].update(table="users"),
            "features.user.table: no table 'users', there are item, user",
        ),
        (lambda p: p["features"]["user"].update(mean=-1), r"features.user.mean: .*-1"),
    ],
)
def test_what_is_wrong_with_a_plan_is_named(
    fault: Callable[[Change], str], change: Change, said: str
) -> None:
    text = fault(change)

    assert re.search(said, text)
    assert text.splitlines()[-1].startswith("  Write one with `shardline plan CONFIG")


def test_all_faults_are_named_at_once(fault: Callable[[Change], str]) -> None:
    text = fault(lambda p: (p.update(hosts=0), p["features"]["user"].pop("table")))

    assert "hosts: " in text
    assert "features.user.table: " in text


def test_file_that_is_not_there_or_no_json_is_named(tmp_path: Path) -> None:
    with pytest.raises(ScaleError, match=r"no plan to read \(No such file"):
        load_plan(tmp_path / "none.json")
    (tmp_path / "text.json").write_text("plan")
    with pytest.raises(ScaleError, match="the file: Invalid JSON"):
        load_plan(tmp_path / "text.json")
