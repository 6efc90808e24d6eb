"""What a check found, as a report and as JSON."""

from pathlib import Path

import pytest

from shardline.components.checker.findings import Finding
from shardline.components.checker.report import (
    ColumnReport,
    Draft,
    of_reader,
    static_json,
)
from shardline.components.checker.uses import Use
from shardline.configs import ConfigError
from shardline.configs.column import Column
from shardline.configs.fault import Fault

HINT = Finding(("data", "label"), "label", "odd.", "Look.", "y", is_fault=False)
FAULT = Finding(("data", "path"), "data", "absent.", "Write it.")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "run.yaml"
    path.write_text("data:\n  path: p\n  label: y\n")
    return path


def test_report_has_faults_and_hints_apart(config: Path) -> None:
    report = Draft([HINT, FAULT]).report(config, 7)

    assert [located.finding for located in report.faults] == [FAULT]
    assert [located.finding for located in report.hints] == [HINT]
    assert report.verdict == "1 fault"


@pytest.mark.parametrize(
    ("rows", "verdict"),
    [
        (None, "1 columns fit, no sample taken"),
        (7, "1 columns fit, 7 examples sampled"),
    ],
)
def test_verdict_without_faults_tells_the_sample(
    config: Path, rows: int | None, verdict: str
) -> None:
    draft = Draft(columns=[ColumnReport("y", ("label",), "float", "int64")])

    assert not draft.has_faults
    assert draft.report(config, rows).verdict == verdict


def test_finding_in_json_has_line_and_place(config: Path) -> None:
    (fault,) = Draft([FAULT]).report(config, 7).to_json()["faults"]

    assert fault == {
        "line": 2,
        "text": f"{config}:2: data: absent. Write it.",
        "place": "data.path",
        "who": "data",
        "column": "",
        "fact": "absent.",
        "remedy": "Write it.",
    }


def test_faults_of_the_file_in_json_have_their_lines() -> None:
    error = ConfigError(
        Fault(("a",), "no", file="run.yaml", line=12),
        Fault((), "cannot be read", file="run.yaml"),
    )

    assert static_json("run.yaml", error) == {
        "config": "run.yaml",
        "rows": None,
        "faults": [
            {"line": 12, "text": "run.yaml:12: no."},
            {"line": 1, "text": "run.yaml: cannot be read."},
        ],
        "verdict": "2 faults",
    }


def test_declared_column_is_told_in_words() -> None:
    use = Use("tags", "feature `tags`", (), "ids")
    needed, declared = Column("string", ragged=True), Column("float", optional=True)

    assert of_reader("tags", [use], needed, declared) == ColumnReport(
        "tags", ("feature `tags`",), "string list", "float or none"
    )
    assert of_reader("tags", [use], None, None).found == "absent"
