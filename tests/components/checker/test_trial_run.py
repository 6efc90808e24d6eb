"""A sample goes through the real preprocessing."""

from collections.abc import Callable

import pytest

from shardline.components.checker.data_sample import take_sample
from shardline.components.checker.findings import Finding
from shardline.components.checker.report import Draft
from shardline.components.checker.trial_run import try_sample
from shardline.components.readers.files import settings_of
from shardline.configs.schema import Job

RANGE = ("{table: item}", "{table: item, ids: {range: 20}}")
LATE = ("train.csv}", "train.csv, late: late.csv}")


def columns(*items: object) -> dict[str, list]:
    return {
        "item": list(items),
        "tags": ["x"] * len(items),
        "scores": [1] * len(items),
        "label": [i % 2 for i in range(len(items))],
    }


def tried(job: Job, *known: Finding) -> tuple[int | None, list[Finding]]:
    draft, settings = Draft(), settings_of(job.data, job)
    sample = take_sample(job, settings, 100, draft, lambda _: None)
    assert draft.findings == []
    draft.findings += known
    examples = try_sample(job, sample, settings, draft)
    return examples, draft.findings


def test_good_sample_is_transformed(
    job_of: Callable[..., Job], write_csv: Callable[..., str]
) -> None:
    write_csv("train.csv", **columns("a", "b", "c"))

    assert tried(job_of()) == (3, [])


def test_sample_of_data_in_spans_is_transformed(
    job_of: Callable[..., Job], write_csv: Callable[..., str]
) -> None:
    write_csv("train-1.csv", **columns("a", "b", "c"))
    write_csv("train-2.csv", **columns("a", "d"))
    spans = ("train.csv}}", "'train-{SPAN}.csv'}}\n  spans: {}")

    assert tried(job_of(spans)) == (5, [])


def test_ids_that_the_graph_refuses_are_a_fault_of_their_feature(
    job_of: Callable[..., Job], write_csv: Callable[..., str]
) -> None:
    write_csv("train.csv", **columns(1, 2, 3))
    write_csv("late.csv", **columns(1, 20))

    _, (finding,) = tried(job_of(RANGE, LATE))

    assert finding.config_path == ("features", "item")
    assert finding.who == "feature `item`"
    assert finding.message.startswith("the sample cannot be transformed: Invalid")
    assert "an id is not in 0 to 19" in finding.message


@pytest.mark.parametrize(
    ("cause", "count"),
    [("column `item` does not hold one int64", 1), ("another", 2)],
)
def test_rows_that_are_left_out_are_told_once(
    job_of: Callable[..., Job],
    write_csv: Callable[..., str],
    cause: str,
    count: int,
) -> None:
    skip = ("format: csv", "format: csv, on_bad_example: skip, max_bad_share: 0.5")
    write_csv("train.csv", **columns(1, 2, "x"))
    known = Finding((), "", "", "", is_fault=False, causes=frozenset([cause]))

    _, findings = tried(job_of(RANGE, skip), known)

    assert len(findings) == count
