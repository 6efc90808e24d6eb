"""Metrics of files are those of scikit-learn on what the model answers."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from shardline_tests import load
from sklearn.metrics import log_loss, roc_auc_score

from shardline.components.readers.files import BadInputError
from shardline.components.scorer.inputs import labelled_examples
from shardline.components.scorer.judging import Judgement, judge_files
from shardline.configs.schema import Evaluation

shared = load(Path(__file__).with_name("conftest.py"))
ROWS = shared.ROWS


def judge(
    served: Any, folder: Path, rows: list[Any], file_format: str = "csv", **told: Any
) -> Judgement:
    (folder / "rows").mkdir()
    shared.write_rows(folder / "rows" / "1", rows[:100], file_format)
    shared.write_rows(folder / "rows" / "2", rows[100:], file_format)
    _, job = shared.job_of(folder, file_format)
    evaluation = Evaluation(min_auc=0, **told)
    by = [*evaluation.slices, *filter(None, [evaluation.group_by])]
    examples = labelled_examples(job, [f"{folder}/rows/*"], by)
    return judge_files(
        examples, job.feature_set, job.data.target, evaluation, served.version
    )


@pytest.mark.parametrize("file_format", ["csv", "parquet", "tfrecord"])
def test_metrics_are_those_of_the_scores(
    file_format: str, served: Any, tmp_path: Path
) -> None:
    judgement = judge(
        served, tmp_path, ROWS, file_format, slices=("shop", "hour"), group_by="item"
    )

    labels = np.array([row["label"] for row in ROWS])
    scores = served.expected(ROWS).astype(np.float64)
    chosen = {"all": np.ones(len(ROWS), bool)}
    for name in ("shop", "hour"):
        for value in {row[name] for row in ROWS} - {None}:
            of_value = [row[name] == value for row in ROWS]
            chosen[f"{name}: {value}"] = np.array(of_value)
    assert judgement.rows == 300
    assert {result.name for result in judgement.slices} == set(chosen)
    for result in judgement.slices:
        rows = chosen[result.name]
        found = judgement.metrics(result)
        assert result.examples == rows.sum()
        if found["auc"].value is not None:
            _check(found, labels[rows], scores[rows])
    everything = judgement.metrics(judgement.slices[0])
    assert everything["auc"].interval.low < everything["auc"].value
    assert everything["grouped_auc"].value is not None
    assert json.loads(judgement.as_json())["slices"][0]["metrics"]["auc"][
        "value"
    ] == pytest.approx(roc_auc_score(labels, scores))


def _check(found: Any, labels: np.ndarray, scores: np.ndarray) -> None:
    base = np.full(len(labels), labels.mean())
    loss = log_loss(labels, scores)
    assert found["auc"].value == pytest.approx(roc_auc_score(labels, scores))
    assert found["log_loss"].value == pytest.approx(loss)
    entropy = loss / log_loss(labels, base)
    assert found["normalized_entropy"].value == pytest.approx(entropy)
    calibration = scores.sum() / labels.sum()
    assert found["calibration"].value == pytest.approx(calibration)


def test_labels_of_one_kind_leave_metrics_undefined(
    served: Any, tmp_path: Path
) -> None:
    rows = [row | {"label": 0.0} for row in ROWS]

    judgement = judge(served, tmp_path, rows, bootstrap=0)

    found = judgement.metrics(judgement.slices[0])
    assert found["auc"].value is None
    assert "all 300 rows of these files have label 0" in found["auc"].undefined
    assert found["log_loss"].value is not None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"label": 2.0}, r"rows/1, line 4: label `label` is neither 0 nor 1"),
        ({"hour": 30}, r"rows/1: .*hour.*30"),
    ],
)
def test_what_cannot_be_judged_is_told(
    change: dict[str, Any], message: str, served: Any, tmp_path: Path
) -> None:
    rows = [row | change if n == 2 else row for n, row in enumerate(ROWS)]

    with pytest.raises(BadInputError, match=message):
        judge(served, tmp_path, rows)
