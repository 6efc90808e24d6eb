"""`shardline evaluate`, as one sees it on a terminal."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from shardline_tests import load
from sklearn.metrics import roc_auc_score
from typer.testing import CliRunner, Result

from shardline.pipeline.commands.app import app

_scorer = load("components/scorer/conftest.py")
served = _scorer.served
ROWS, job_of, write_rows = _scorer.ROWS, _scorer.job_of, _scorer.write_rows
Call = Callable[..., Result]


def text(result: Result) -> str:
    """Returns what was printed, its line breaks as single spaces."""
    return " ".join(result.output.split())


@pytest.fixture
def call(served: Any, tmp_path: Path) -> Call:
    """Calls the command on a file of labelled rows."""
    config, _ = job_of(tmp_path)
    write_rows(tmp_path / "rows.csv", ROWS, "csv")

    def evaluate(*arguments: str) -> Result:
        command = ["evaluate", str(config), str(tmp_path / "rows.csv")]
        told = ["--model", str(served.folder), *arguments]
        runner = CliRunner(env={"COLUMNS": "200"})
        return runner.invoke(app, [*command, *told])

    return evaluate


def test_table_has_metrics_and_intervals(call: Call, served: Any) -> None:
    result = call("--slice", "shop")

    auc = roc_auc_score([row["label"] for row in ROWS], served.expected(ROWS))
    assert result.exit_code == 0, result.output
    assert "Version 7" in text(result)
    assert f"{auc:.4f}" in text(result)
    assert "shop: größe1" in text(result)
    assert "In brackets: confidence intervals of 95 %, by bootstrap" in text(result)
    for name in ("AUC", "Normalized entropy", "Calibration", "Log loss"):
        assert name in text(result)


def test_json_is_what_the_file_has(call: Call, tmp_path: Path) -> None:
    file = tmp_path / "found.json"

    result = call("--json", "--bootstrap=0", f"--output={file}")

    assert result.exit_code == 0, result.output
    found = json.loads(result.output)
    assert found == json.loads(file.read_text())
    assert found["version"] == 7
    assert found["rows"] == 300
    (everything,) = found["slices"]
    assert everything["name"] == "all"
    assert everything["metrics"]["auc"]["interval"] is None


@pytest.mark.parametrize(
    ("name", "said"),
    [("there.json", "is there already"), ("no/such/r.json", "there is no folder")],
)
def test_output_that_cannot_be_is_refused_before_judging(
    call: Call, tmp_path: Path, name: str, said: str
) -> None:
    (tmp_path / "there.json").write_text("mine")
    # Judging would fail on it, so that what is said first shows what came first.
    (tmp_path / "rows.csv").unlink()

    result = call(f"--output={tmp_path / name}")

    assert result.exit_code == 1
    assert said in text(result)
    assert (tmp_path / "there.json").read_text() == "mine"


def test_output_leaves_no_other_file(call: Call, tmp_path: Path) -> None:
    before = set(tmp_path.iterdir())

    result = call("--bootstrap=0", f"--output={tmp_path / 'found.json'}")

    assert result.exit_code == 0, result.output
    assert set(tmp_path.iterdir()) - before == {tmp_path / "found.json"}


def test_undefined_metrics_are_no_error(call: Call, tmp_path: Path) -> None:
    write_rows(tmp_path / "rows.csv", [r | {"label": 1.0} for r in ROWS], "csv")

    result = call()

    assert result.exit_code == 0
    assert (
        "No AUC, normalized entropy of all: all 300 rows of these files have label 1"
        in text(result)
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--version=8"], "has no version 8"),
        (["--slice=other"], "has no column `other`, which"),
    ],
)
def test_mistake_ends_in_one_message(
    arguments: list[str], message: str, call: Call
) -> None:
    result = call(*arguments)

    assert result.exit_code == 1
    assert message in text(result)
    assert "Traceback" not in result.output


@pytest.mark.slow
def test_numbers_are_those_of_the_pipelines_evaluator(
    finished_run: Any, shardline: Callable[..., Any], tmp_path: Path
) -> None:
    from tfx import components  # noqa: F401  TFMA lacks names if it is imported before

    # isort: split
    import tensorflow_model_analysis as tfma

    from shardline.components.evaluation.tfma_metrics import judged_of

    folder = finished_run.artifact("ReaderExampleGen", "examples")
    found = tmp_path / "found.json"

    done = shardline(
        *("evaluate", finished_run.config, folder / "Split-eval" / "*"),
        *("--output-dir", finished_run.output_dir, "--output", found),
    )

    assert done.returncode == 0, done.text
    uri = finished_run.artifact("Evaluator", "evaluation")
    result = tfma.load_eval_result(str(uri)).get_metrics_for_slice(())
    metrics = json.loads(found.read_text())["slices"][0]["metrics"]
    values = judged_of(result).values
    assert set(values) == {"auc", "normalized_entropy", "calibration"}
    for name, value in values.items():
        # TFMA asks for other numbers of rows at once: last bits of scores may differ.
        assert metrics[name]["value"] == pytest.approx(value, abs=1e-6)
