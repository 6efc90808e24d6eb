"""Rules between tables that live and data in spans, each with its line."""

from collections.abc import Callable
from pathlib import Path

import pytest

from shardline.configs import ConfigError, load_job

# What the data says of spans, what table `tag` says, and the line and the message.
FAULTS = {
    "living_without_spans": (
        "",
        "dim: 4, living: {capacity: 9}",
        "14: table `tag`: a vocabulary lives from span to span, and the data has none; "
        "give `data.spans`, or leave `living` out",
    ),
    "rows_in_spans": (
        "{}",
        "dim: 4, rows: 9",
        "15: table `tag`: `rows` has no meaning where data comes in spans, for the "
        "vocabulary lives; give `living.capacity`, or nothing to let it grow",
    ),
    "most_tokens_in_spans": (
        "{}",
        "dim: 4, max_tokens: 9, living: {capacity: 9}",
        "15: table `tag`: `max_tokens` has no meaning where data comes in spans",
    ),
}


def job_of(job_text: str, spans: str, table: str) -> str:
    """Returns a configuration of data in spans, or none, and of table `tag`."""
    text = job_text.replace("  tag: {dim: 4}", f"  tag: {{{table}}}")
    if not spans:
        return text
    text = text.replace("train: a.csv", "train: 'a-{SPAN}.csv'")
    return text.replace("  path: data\n", f"  path: data\n  spans: {spans}\n")


@pytest.mark.parametrize(("spans", "table", "message"), FAULTS.values(), ids=FAULTS)
def test_fault_is_told_with_its_line(
    write: Callable[[str], Path], job_text: str, spans: str, table: str, message: str
) -> None:
    path = write(job_of(job_text, spans, table))

    with pytest.raises(ConfigError) as raised:
        load_job(path)

    assert str(raised.value).startswith(f"{path}:{message}")


@pytest.mark.parametrize("table", ["dim: 4", "dim: 4, living: {capacity: 9}"])
def test_every_vocabulary_lives_where_data_comes_in_spans(
    write: Callable[[str], Path], job_text: str, table: str
) -> None:
    job = load_job(write(job_of(job_text, "{}", table)))

    living = job.preprocessing(job.data.target).vocabularies
    assert living["user"].living is not None
    assert living["user"].living.capacity is None
    assert living["hour"].living is living["pair"].living is None
    assert living["tag"].living is not None
    assert living["tag"].living.capacity == (9 if "living" in table else None)


def test_no_vocabulary_lives_where_data_does_not(
    write: Callable[[str], Path], job_text: str
) -> None:
    job = load_job(write(job_text))

    rules = job.preprocessing(job.data.target).vocabularies
    assert [table.living for table in rules.values()] == [None] * len(rules)


def test_rows_of_other_tables_may_be_given_in_spans(
    write: Callable[[str], Path], job_text: str
) -> None:
    text = job_of(job_text, "{}", "dim: 4")

    job = load_job(write(text.replace("hour: {dim: 4}", "hour: {dim: 4, rows: 30}")))

    assert job.tables["hour"].rows == 30
