"""Rules between joins, each with its line."""

from collections.abc import Callable
from pathlib import Path

import pytest
from shardline_tests import load

from shardline.configs import load_job

conftest = load(Path(__file__).with_name("conftest.py"))

_PLAIN = "  files: {format: csv, splits: {train: a.csv}}\n"
_FILES = """\
  files:
    format: csv
    splits: {train: train.csv}
    join:
      items: {files: i.csv, key: item, columns: [title]}
"""
FAULTS = {
    "a column of two joins": (
        "      more: {files: m.csv, key: item, columns: [title]}\n",
        "join `more`: column `title` is joined from `items`, too; give one of them",
    ),
    "a key of a later join": (
        "      more: {files: m.csv, key: maker, columns: [city]}\n"
        "      makers: {files: m.csv, key: item, columns: [maker]}\n",
        "join `more`: its key `maker` is a column of `makers`, which is joined after",
    ),
    "a separator for Parquet": (
        "      more: {files: m, format: parquet, key: a, columns: [b], "
        "list_separator: ';'}\n",
        "join `more`: `list_separator` is for CSV, and the files are parquet",
    ),
    "a dialect for TFRecord": (
        "      more: {files: m, format: tfrecord, key: a, columns: [b], "
        "dialect: {delimiter: ';'}}\n",
        "join `more`: `dialect` is for CSV, and the files are tfrecord",
    ),
    "spans by a joined column": (
        "  spans: {column: title, every: day}\n",
        "join `items`: `data.spans.column` is `title`, and spans are cut by a column "
        "of the examples' own files",
    ),
}


@pytest.mark.parametrize(("more", "message"), FAULTS.values(), ids=list(FAULTS))
def test_fault_is_told_with_its_line(
    job_faults: Callable[[str, str], list[str]], more: str, message: str
) -> None:
    faults = job_faults(_PLAIN, _FILES + more)

    assert any(message in fault for fault in faults), faults


def test_a_key_may_be_a_column_of_a_join_before(write: Callable[[str], Path]) -> None:
    more = "      makers: {files: m.csv, key: title, columns: [city]}\n"
    job = load_job(write(conftest.JOB.replace(_PLAIN, _FILES + more)))

    assert job.data.files
    assert list(job.data.files.join) == ["items", "makers"]
