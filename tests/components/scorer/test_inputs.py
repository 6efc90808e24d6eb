"""Rows are read as the configuration says, with a label only where one is asked for."""

from pathlib import Path

import pytest
from shardline_tests import load

from shardline.components.readers.files import BadInputError
from shardline.components.scorer.inputs import examples_to_score, labelled_examples
from shardline.configs.schema import HeldOut

shared = load(Path(__file__).with_name("conftest.py"))


@pytest.fixture
def rows(tmp_path: Path) -> str:
    for name in ("a.csv", "b.csv"):
        shared.write_rows(tmp_path / name, shared.ROWS[:3], "csv")
    return f"{tmp_path}/*.csv"


def test_label_is_read_to_judge_alone(rows: str, tmp_path: Path) -> None:
    held_out = {"eval": {"column": "item", "fraction": 0.5}}
    _, job = shared.job_of(tmp_path, held_out=held_out, positive_from=4)
    assert job.data.files.held_out == {"eval": HeldOut(**held_out["eval"])}

    to_score = examples_to_score(job, [rows], ["item", "request"])
    labelled = labelled_examples(job, [rows], ["item"])

    assert to_score.settings.label is None
    assert "label" not in to_score.settings.columns
    assert labelled.settings.label == "label"
    assert labelled.settings.positive_from == 4
    assert labelled.settings.kept == ()
    assert to_score.settings.kept == ("request",)
    for examples in (to_score, labelled):
        assert examples.settings.held_out == {}
        assert examples.splits == {"all"}


def test_file_of_two_patterns_is_read_once(rows: str, tmp_path: Path) -> None:
    _, job = shared.job_of(tmp_path)

    examples = examples_to_score(job, [rows, str(tmp_path / "b.csv")], ["item"])

    files = [Path(f).name for source in examples.sources for f in source.files]
    assert files == ["a.csv", "b.csv"]


def test_pattern_without_a_file_is_told(tmp_path: Path) -> None:
    _, job = shared.job_of(tmp_path)

    with pytest.raises(
        BadInputError,
        match=r"no file matches `none\*`; there is scored\.yaml\. Correct `/.*none\*`",
    ):
        examples_to_score(job, [str(tmp_path / "none*")], ["item"])
    with pytest.raises(BadInputError, match=r"cannot be read: .*Correct `/not/there`"):
        examples_to_score(job, ["/not/there"], ["item"])
