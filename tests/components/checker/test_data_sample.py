"""Files are found and sampled, or the reason is a fault."""

from collections.abc import Callable
from pathlib import Path

from shardline.components.checker.data_sample import DataSample, take_sample
from shardline.components.checker.report import Draft
from shardline.components.readers.files import settings_of
from shardline.configs.schema import Job

COLUMNS = {"item": ["a", "b"], "tags": ["x", "y"], "scores": [1, 2], "label": [0, 1]}


def taken(job: Job, rows: int = 100) -> tuple[DataSample, Draft]:
    draft = Draft()
    settings = settings_of(job.data, job)
    return take_sample(job, settings, rows, draft, lambda _: None), draft


def test_sample_of_all_rows_is_whole(
    job_of: Callable[..., Job], write_csv: Callable[..., str]
) -> None:
    file = write_csv("train.csv", **COLUMNS)

    sample, draft = taken(job_of())

    assert draft.findings == []
    assert sample.files == (file,)
    assert sample.rows == 2
    assert sample.is_whole


def test_sample_of_fewer_rows_is_not_whole(
    job_of: Callable[..., Job], write_csv: Callable[..., str]
) -> None:
    write_csv("train.csv", **COLUMNS)

    sample, _ = taken(job_of(), rows=1)

    assert sample.rows == 1
    assert not sample.is_whole


def test_path_that_is_not_there_is_a_fault(
    job_of: Callable[..., Job], tmp_path: Path
) -> None:
    sample, draft = taken(job_of((str(tmp_path), "absent")))

    (finding,) = draft.findings
    assert finding.config_path == ("data", "path")
    assert finding.message == f"there is no file or folder {Path('absent').resolve()}."
    assert sample.train is None
    assert sample.rows is None
    assert not sample.is_whole


def test_pattern_without_a_file_is_a_fault_of_its_split(
    job_of: Callable[..., Job], write_csv: Callable[..., str]
) -> None:
    write_csv("train.csv", **COLUMNS)

    sample, draft = taken(job_of(("train.csv}", "train.csv, late: late.csv}")))

    (finding,) = draft.findings
    assert finding.config_path == ("data", "files", "splits", "late")
    assert list(sample.splits) == ["train"]


def test_file_that_lacks_a_column_all_others_have_is_left_out(
    job_of: Callable[..., Job], write_csv: Callable[..., str]
) -> None:
    good = write_csv("train1.csv", **COLUMNS)
    write_csv("train2.csv", item=["a"])

    sample, draft = taken(job_of(("train.csv", "train*.csv")))

    (finding,) = draft.findings
    assert "its header names 0 columns" in finding.message
    assert sample.files == (good,)
