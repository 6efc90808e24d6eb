"""Which files a job reads: those of its configuration, or those that are named."""

from collections.abc import Callable
from pathlib import Path

import pytest
import tensorflow as tf

from shardline.components.features.reading.job_examples import (
    examples_of_job,
    files_of_split,
    tensorflow_errors_as_value_errors,
    why_split_is_empty,
)
from shardline.components.readers.files import BadInputError
from shardline.configs import ConfigError, Job, load_job

TEXT = """\
name: sales
data:
  path: FOLDER
  files:
    format: csv
    splits: {train: "train-*.csv", eval: "eval.csv"}
    held_out: {late: {column: day, at_least: 60}}
features:
  user: {table: user}
tables:
  user: {dim: 4}
"""


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """A job of three files, one of another folder beside them."""
    for name in ("train-1.csv", "train-2.csv", "eval.csv", "other/day-7.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("label,user,day\n1,u,5\n")
    path = tmp_path / "sales.yaml"
    path.write_text(TEXT.replace("FOLDER", str(tmp_path)))
    return load_job(path)


def names(files: list[str]) -> list[str]:
    return [Path(file).name for file in files]


def test_configuration_says_which_files_make_which_split(
    job: Job, tmp_path: Path
) -> None:
    examples = examples_of_job(job, [], tmp_path)

    assert examples.splits == {"train", "eval", "late"}
    assert names(files_of_split(examples, "train")) == ["train-1.csv", "train-2.csv"]
    assert names(files_of_split(examples, "eval")) == ["eval.csv"]
    assert files_of_split(examples, "late") == []  # held out of the training files


def test_named_files_make_one_split(job: Job, tmp_path: Path) -> None:
    patterns = [f"{tmp_path}/train-1.csv", f"{tmp_path}/other/day-{{SPAN}}.csv"]

    examples = examples_of_job(job, patterns, tmp_path)

    assert {source.split for source in examples.sources} == {"all"}
    assert [source.span for source in examples.sources] == ["", "7"]
    assert names(files_of_split(examples, "all")) == ["train-1.csv", "day-7.csv"]
    assert examples.settings.split == "all"


def test_pattern_that_matches_nothing_is_refused(job: Job, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="absent"):
        examples_of_job(job, [f"{tmp_path}/absent-*.csv"], tmp_path)


def test_data_of_a_reader_have_no_files(
    small_config: Callable[..., Path], tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=r"reads files\. Give `data\.files`\."):
        examples_of_job(load_job(small_config()), [], tmp_path)


def test_empty_held_out_split_is_explained_by_its_boundary(
    job: Job, tmp_path: Path
) -> None:
    examples = examples_of_job(job, [], tmp_path)

    assert "`at_least` is 60" in why_split_is_empty(examples, "late")


def test_error_of_tensorflow_becomes_its_first_line() -> None:
    with (
        pytest.raises(ValueError, match=r"^no such bucket$"),
        tensorflow_errors_as_value_errors(),
    ):
        raise tf.errors.NotFoundError(None, None, "no such bucket\n at line 7")
