"""Seeded mistakes, each told with its line, its feature and what to do about it."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from shardline_tests import load
from typer.testing import Result

SEEDED = Path(__file__).with_name("seeded")
examples = load(SEEDED / "examples.py")
BOTH, ROWS, TEXT = examples.BOTH, examples.ROWS, examples.TEXT
columns, with_last = examples.columns, examples.with_last
FAULTS = {
    name: fault
    for module in ("configuration", "columns", "splits")
    for name, fault in load(SEEDED / f"{module}.py").FAULTS.items()
}
HINTS = load(SEEDED / "hints.py").HINTS


CASES = [
    pytest.param(form, *fault[:2], *fault[3:], id=f"{name}-{form}".replace(" ", "_"))
    for name, fault in FAULTS.items()
    for form in fault[2]
]


@pytest.mark.parametrize(
    ("form", "changes", "data", "line", "who", "fact", "remedy"), CASES
)
def test_seeded_mistake_is_told_with_its_line_and_remedy(
    check: Callable[..., tuple[Path, Result]],
    form: str,
    changes: dict[str, str],
    data: dict[str, Any],
    line: int,
    who: str,
    fact: str,
    remedy: str,
) -> None:
    config, result = check(form, changes, data)

    assert result.exit_code == 1, result.output
    start = f"{config}:{line}: {who}"
    told = [text for text in result.output.splitlines() if text.startswith(start)]
    assert told, result.output
    assert any(fact in text and remedy in text for text in told), told


def test_there_are_at_least_twenty_kinds_of_mistakes() -> None:
    assert len(FAULTS) >= 24


@pytest.mark.parametrize("form", BOTH)
def test_good_configuration_has_no_fault(
    check: Callable[..., tuple[Path, Result]], form: str
) -> None:
    _, result = check(form)

    assert result.exit_code == 0, result.output
    assert "11 columns fit, 40 examples sampled" in result.output
    assert "hint" not in result.output
    assert "fault" not in result.output


@pytest.mark.parametrize(
    ("changes", "data", "line", "who", "fact"), HINTS.values(), ids=list(HINTS)
)
def test_oddity_is_a_hint_and_no_fault(
    check: Callable[..., tuple[Path, Result]],
    changes: dict[str, str],
    data: dict[str, Any],
    line: int,
    who: str,
    fact: str,
) -> None:
    config, result = check("csv", changes, data)

    assert result.exit_code == 0, result.output
    start = f"hint {config}:{line}: {who}: {fact}"
    assert any(text.startswith(start) for text in result.output.splitlines())


def test_bad_rows_that_are_skipped_are_hints(
    check: Callable[..., tuple[Path, Result]],
) -> None:
    config, result = check(
        "csv",
        {
            "format: csv": "format: csv\n    on_bad_example: skip\n"
            "    max_bad_share: 0.1"
        },
        with_last("price", "n/a") | with_last("scores", [0.1] * 9),
    )

    assert result.exit_code == 0, result.output
    assert f"hint {config}:22: number `price_scaled`: 1 of 40" in result.output
    assert f"hint {config}:15: feature `tags`: 1 of 40" in result.output


def test_more_bad_rows_than_may_be_skipped_are_a_fault(
    check: Callable[..., tuple[Path, Result]],
) -> None:
    config, result = check(
        "csv",
        {"format: csv": "format: csv\n    on_bad_example: skip"},
        {"price": ["n/a", *(1.5 + i for i in range(ROWS - 2)), "n/a"]},
    )

    assert result.exit_code == 1
    told = (
        f"{config}:3: split `train`: 2 of 40 sampled examples would be left out "
        "(5.00%), and `max_bad_share` allows 1.00%. Correct the files, or raise "
        "`data.files.max_bad_share`."
    )
    assert told in result.output.splitlines()


def test_several_faults_come_at_once_in_the_order_of_lines(
    check: Callable[..., tuple[Path, Result]],
) -> None:
    config, result = check(
        "csv",
        {"{table: user}": "{table: user, column: usr}"},
        {"item": ["x"] * ROWS, **with_last("price", ""), **with_last("scores", [])},
    )

    lines = [t for t in result.output.splitlines() if t.startswith(f"{config}:")]
    numbers = [int(text.split(":")[1]) for text in lines]
    assert numbers == [11, 12, 13, 17, 20]
    assert f"{len(lines)} faults" in result.output
    assert "The preprocessing was not tried, for there are faults." in result.output


def test_findings_come_as_json(check: Callable[..., tuple[Path, Result]]) -> None:
    _, result = check("csv", {}, with_last("item", 25), "--json", "--rows=40")

    told = json.loads(result.stdout)

    assert result.exit_code == 1
    assert told["rows"] == ROWS
    assert told["verdict"] == "1 fault"
    (fault,) = told["faults"]
    assert fault["line"] == 12
    assert fault["place"] == "features.item.ids.range"
    assert fault["column"] == "item"
    by_name = {column["name"]: column for column in told["columns"]}
    assert by_name["item"]["found"] == "int64"
    assert by_name["item"]["distinct"] == 21
    assert by_name["tags"]["values_a_row"] == [2, 3]
    assert by_name["tags"]["users"] == ["feature `tags`", "feature `recent`"]


def test_only_so_many_rows_are_sampled(
    check: Callable[..., tuple[Path, Result]],
) -> None:
    _, result = check("csv", {}, with_last("item", 25), "--rows=12")

    assert "12 examples sampled" in result.output


def test_another_split_that_lacks_a_column_is_a_fault(
    check: Callable[..., tuple[Path, Result]], tmp_path: Path
) -> None:
    (tmp_path / "late.csv").write_text("user,item\nu1,3\n")

    config, result = check(
        "csv", {"train: train.csv": "train: train.csv, late: late.csv"}
    )

    assert result.exit_code == 1
    assert f"{config}:5: split `late`: {tmp_path}/late.csv: its header" in result.output


def test_faults_of_the_file_itself_come_as_json(
    check: Callable[..., tuple[Path, Result]],
) -> None:
    config, result = check("csv", {"combiner: mean": "combinr: mean"}, {}, "--json")

    told = json.loads(result.stdout)

    assert result.exit_code == 1
    assert [fault["line"] for fault in told["faults"]] == [13]
    assert told["faults"][0]["text"].startswith(f"{config}:13: unknown key `combinr`")
    assert told["verdict"] == "1 fault"


def test_static_faults_are_told_before_anything_slow_is_imported(
    tmp_path: Path,
) -> None:
    config = tmp_path / "sales.yaml"
    config.write_text(TEXT.replace("combiner: mean", "combinr: mean"))
    code = (
        "import sys\n"
        "from typer.testing import CliRunner\n"
        "from shardline.pipeline.commands.app import app\n"
        f"result = CliRunner().invoke(app, ['check', {str(config)!r}])\n"
        "print(result.exit_code, *sys.modules.keys() & "
        "{'tensorflow', 'tfx', 'apache_beam', 'pyarrow'})"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert done.stdout.split() == ["1"]


@pytest.mark.parametrize("width", ["60", "80", "120", "200"])
def test_no_name_is_broken_on_a_narrow_terminal(
    check: Callable[..., tuple[Path, Result]],
    monkeypatch: pytest.MonkeyPatch,
    width: str,
) -> None:
    changes = {"item: {table: item": "item_of_a_rather_long_name: {table: item"}
    data = {"item_of_a_rather_long_name": columns()["item"], "item": None}
    monkeypatch.setattr(
        "shardline.pipeline.commands.check.console", Console(width=int(width))
    )

    config, result = check("csv", changes, data)

    assert result.exit_code == 0, result.output
    words = {word.rstrip(";:,") for word in result.output.split()}
    assert {*columns(), "item_of_a_rather_long_name", str(config)} - {"item"} <= words
    assert {"string", "int64", "list", "1.5", "shop_name", "price_scaled"} <= words


def told_columns(result: Result) -> list[dict[str, Any]]:
    columns: list[dict[str, Any]] = json.loads(result.stdout)["columns"]
    return columns


def test_missing_values_are_counted_however_they_are_written(
    check: Callable[..., tuple[Path, Result]],
) -> None:
    ages = ["NaN", "", "-nan", "  ", 30] * (ROWS // 5)
    tags = [["a"], []] * (ROWS // 2)

    _, result = check("csv", {}, {"age": ages, "tags": tags, "scores": tags}, "--json")

    by_name = {
        column["name"]: column for column in json.loads(result.stdout)["columns"]
    }
    assert by_name["age"]["missing"] == 0.8
    assert by_name["age"]["distinct"] == 1
    assert by_name["age"]["example"] == "30"
    assert by_name["tags"]["missing"] == 0.5
    assert by_name["tags"]["values_a_row"] == [0, 1]


def test_missing_values_of_tf_examples_are_counted(
    check: Callable[..., tuple[Path, Result]],
) -> None:
    data = {"age": [float("nan"), 5.0, [], 6.0] * (ROWS // 4)}

    _, result = check("tfrecord", {}, data, "--json")

    by_name = {
        column["name"]: column for column in json.loads(result.stdout)["columns"]
    }
    assert by_name["age"]["missing"] == 0.5
    assert by_name["age"]["distinct"] == 2


@pytest.mark.parametrize("form", BOTH)
@pytest.mark.parametrize("nothing", [float("nan"), []])
def test_number_that_is_missing_everywhere_is_a_fault(
    check: Callable[..., tuple[Path, Result]], form: str, nothing: Any
) -> None:
    nothing = "" if form == "csv" and nothing == [] else nothing

    config, result = check(form, {}, {"age": [nothing] * ROWS})

    assert result.exit_code == 1
    told = "number `age`: column `age` has no value in any sampled example."
    assert f"{config}:19: {told}" in result.output
    assert "100.0%" in result.output
