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


@pytest.mark.parametrize("on_bad_file", ["error", "skip"])
def test_column_that_one_file_lacks_is_told_whatever_is_done_with_bad_files(
    rows: str, tmp_path: Path, on_bad_file: str
) -> None:
    _, job = shared.job_of(tmp_path, on_bad_file=on_bad_file)
    lines = (tmp_path / "b.csv").read_text().replace("request", "other", 1)
    (tmp_path / "b.csv").write_text(lines)

    with pytest.raises(
        ValueError, match=r"b\.csv: has no column `request`, which .*"
    ) as e:
        examples_to_score(job, [rows], ["item", "request"])

    assert "it has `other`" in str(e.value)
    assert "--keep" in str(e.value)


def test_column_that_was_meant_is_named(rows: str, tmp_path: Path) -> None:
    _, job = shared.job_of(tmp_path)

    with pytest.raises(ValueError, match=r"Did you mean `request`\?"):
        examples_to_score(job, [rows], ["requst"])
