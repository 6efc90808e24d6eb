"""Splits of one label, told by `check` and `plan` before a run."""

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from shardline.components.planner.report import Plan
from shardline.pipeline.commands.app import app

TEXT = """\
name: sales
data:
  files:
    format: csv
    splits: {train: "*.csv"}
    held_out:
      eval: {column: day, at_least: 40}
  path: FOLDER
features:
  user: {table: user}
tables:
  user: {dim: 4}
training: {batch_size: 10, epochs: 1}
evaluation: {min_auc: 0.5}
"""
Label = Callable[[int], int]


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Writes 60 examples, the label of each by its day, and the configuration."""
    monkeypatch.chdir(tmp_path)

    def write(label: Label, changes: dict[str, str], rows: int = 60) -> Path:
        lines = [f"u{day % 7},{day},{label(day)},{day % 2}" for day in range(rows)]
        header = "user,day,label,times"
        (tmp_path / "a.csv").write_text("\n".join([header, *lines]))
        text = TEXT.replace("FOLDER", str(tmp_path))
        for old, new in changes.items():
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / "sales.yaml"
        path.write_text(text)
        return path

    return write


def command(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def both_in_training(day: int) -> int:
    return day % 2 if day < 40 else 1


STOP = {
    "      eval:": "      validation: {column: day, at_least: 50}\n      eval:",
    "epochs: 1": "epochs: 1, early_stop: {every_steps: 1}",
}
CASES = {
    "no floor": (
        both_in_training,
        {"min_auc: 0.5": "min_auc: 0.0"},
        "eval",
        "AUC and normalized entropy are undefined: all 20 examples of split `eval` "
        "have label 1. Hold out",
        False,
    ),
    "a floor": (
        both_in_training,
        {},
        "eval",
        "have label 1, so `evaluation.min_auc: 0.5` lets no model pass. Hold out",
        True,
    ),
    "compact tables": (
        both_in_training,
        {
            "min_auc: 0.5": "min_auc: 0",
            "training:": "serving: {tables: int8}\ntraining:",
        },
        "eval",
        "so the price of compact tables (`serving.tables`) is unknown.",
        True,
    ),
    "label 0": (
        lambda day: day % 2 if day < 40 else 0,
        {"min_auc: 0.5": "min_auc: 0.0"},
        "eval",
        "AUC, normalized entropy and calibration are undefined: all 20 examples of "
        "split `eval` have label 0.",
        False,
    ),
    "weights of 0": (
        lambda day: int(day % 3 == 0) if day < 50 else day % 2,
        {"min_auc: 0.5": "min_auc: 0.0", "  path:": "  example_weight: times\n  path:"}
        | {"at_least: 40": "at_least: 50"},
        "eval",
        "of 10 examples of split `eval` only 5 have a weight above 0, and all their "
        "labels are 1",
        False,
    ),
    "training": (
        lambda day: day % 2 if day >= 40 else 0,
        {},
        "train",
        "all 40 examples of split `train` have label 0: there is nothing to learn.",
        True,
    ),
    "early stop": (
        lambda day: day % 2 if day < 50 else 1,
        STOP,
        "validation",
        "all 10 examples of split `validation` have label 1: early stop cannot judge",
        True,
    ),
}
BY_CASE = pytest.mark.parametrize(
    ("label", "changes", "split", "told", "ends_run"), CASES.values(), ids=CASES
)


@BY_CASE
def test_check_tells_a_split_of_one_label(
    config: Callable[..., Path],
    label: Label,
    changes: dict[str, str],
    split: str,
    told: str,
    ends_run: bool,
) -> None:
    result = command("check", config(label, changes), "--json")

    assert result.exit_code == (1 if ends_run else 0), result.output
    report = json.loads(result.output)
    found = [f for kind in ("faults", "hints") for f in report[kind]]
    assert any(told in finding["text"] for finding in found), found
    assert any(
        f"split `{split}`" in finding["text"]
        for finding in report["faults" if ends_run else "hints"]
    )


@BY_CASE
def test_plan_tells_a_split_of_one_label(
    config: Callable[..., Path],
    tmp_path: Path,
    label: Label,
    changes: dict[str, str],
    split: str,
    told: str,
    ends_run: bool,
) -> None:
    result = command("plan", config(label, changes), "--json", tmp_path / "plan.json")

    assert result.exit_code == 0, result.output
    (line,) = Plan.model_validate_json((tmp_path / "plan.json").read_text()).labels
    assert line.startswith(f"Split `{split}`: ")
    assert told in line
    assert told in result.output


def test_both_labels_are_told_of_by_none(
    config: Callable[..., Path], tmp_path: Path
) -> None:
    path = config(lambda day: day % 2, {})

    checked = command("check", path)
    planned = command("plan", path, "--json", tmp_path / "plan.json")

    assert checked.exit_code == 0
    assert "label 1" not in checked.output + planned.output
    assert not Plan.model_validate_json((tmp_path / "plan.json").read_text()).labels


def test_of_a_sample_it_is_a_hint(config: Callable[..., Path]) -> None:
    path = config(lambda day: int(day == 39), {})

    result = command("check", path, "--rows", "30", "--json")

    report = json.loads(result.output)
    assert report["faults"] == []
    told = [
        hint["text"] for hint in report["hints"] if "nothing to learn" in hint["text"]
    ]
    assert "sampled examples of split `train` have label 0" in told[0]
    assert "If the rest has no other: look at" in told[0]


@pytest.mark.parametrize("label", [0, 1])
def test_evaluation_split_of_its_own_file_is_looked_at(
    config: Callable[..., Path], tmp_path: Path, label: int
) -> None:
    changes = {
        "format: csv": "format: parquet",
        '{train: "*.csv"}': "{train: a.parquet, eval: b.parquet}",
        "    held_out:\n      eval: {column: day, at_least: 40}\n": "",
    }
    path = config(lambda day: day % 2, changes)
    for name, labels in (("a", [0, 1] * 10), ("b", [label] * 20)):
        users = [f"u{row % 5}" for row in range(20)]
        table = pa.table({"user": users, "label": pa.array(labels, pa.float32())})
        pq.write_table(table, tmp_path / f"{name}.parquet")

    checked = command("check", path)
    planned = command("plan", path)

    told = f"all 20 examples of split `eval` have label {label}"
    assert checked.exit_code == 1
    assert told in checked.output
    assert told in planned.output
