"""What reads a column is compared with what there is."""

from collections.abc import Callable

from shardline.components.checker.column_comparison import by_column, compare_columns
from shardline.components.checker.data_sample import DataSample, take_sample
from shardline.components.checker.report import Draft
from shardline.components.checker.uses import uses_of
from shardline.components.readers.files import settings_of
from shardline.configs.schema import Job

COLUMNS = {
    "item": [f"i{i}" for i in range(12)],
    "tags": ["x|y", "z"] * 6,
    "scores": ["1|2", "3"] * 6,
    "label": [0, 1] * 6,
}


def compared(job: Job) -> Draft:
    draft, settings = Draft(), settings_of(job.data, job)
    sample = take_sample(job, settings, 100, draft, lambda _: None)
    compare_columns(job, uses_of(job), sample, settings, draft)
    return draft


def test_columns_that_fit_are_reported_without_a_finding(
    job_of: Callable[..., Job], write_csv: Callable[..., str]
) -> None:
    write_csv("train.csv", **COLUMNS)

    draft = compared(job_of())

    assert draft.findings == []
    assert [(c.name, c.found) for c in draft.columns] == [
        ("item", "string"),
        ("tags", "string"),
        ("scores", "int64"),
        ("label", "int64"),
    ]


def test_absent_column_is_a_fault_and_reported_as_absent(
    job_of: Callable[..., Job], write_csv: Callable[..., str]
) -> None:
    write_csv(
        "train.csv", **{"itm" if n == "item" else n: v for n, v in COLUMNS.items()}
    )

    draft = compared(job_of())

    (finding,) = draft.findings
    assert finding.remedy == "Did you mean `itm`?"
    assert [c.found for c in draft.columns] == ["absent", "string", "int64", "int64"]


def test_uneven_weights_take_two_columns_to_see(
    job_of: Callable[..., Job], write_csv: Callable[..., str]
) -> None:
    write_csv("train.csv", **(COLUMNS | {"scores": ["1"] * 12}))

    findings = compared(job_of()).findings

    assert any("have not one weight for each id" in f.message for f in findings)


def test_nothing_is_compared_without_files(job_of: Callable[..., Job]) -> None:
    job, draft = job_of(), Draft()

    compare_columns(
        job, uses_of(job), DataSample({}), settings_of(job.data, job), draft
    )

    assert draft == Draft()


def test_uses_of_one_column_come_together(job_of: Callable[..., Job]) -> None:
    job = job_of(("{table: item}", "{table: item, column: tags, combiner: sum}"))

    assert {n: len(uses) for n, uses in by_column(uses_of(job)).items()} == {
        "tags": 2,
        "scores": 1,
        "label": 1,
    }
