"""What the tokens of a sample tell of tables, and weights that are uneven."""

from collections.abc import Callable

import pyarrow as pa
import pytest

from shardline.components.checker.column_sample import ColumnSample
from shardline.components.checker.table_rules import table_findings, weight_findings
from shardline.components.readers.files.columns.lists import listed
from shardline.configs.schema import Job

TOKENS = {"item": pa.array([f"i{i}" for i in range(9)])}


@pytest.mark.parametrize(
    ("change", "path", "is_fault", "message"),
    [
        (("item: {dim", "item: {rows: 5, dim"), ("tables", "item", "rows"), True,
         "the sample alone has 9 tokens, which with `oov_rows: 1` need 10 rows; `rows` "
         "is 5."),
        (("item: {dim", "item: {max_tokens: 5, dim"), ("tables", "item"), False,
         "the sample alone has 9 tokens for `max_tokens: 5`; the rarer ones"),
        (("{dim: 4}", "{living: {capacity: 5}, dim: 4}"), ("tables", "item"), False,
         "the sample alone has 9 tokens for `living.capacity: 5`; the rarer ones wait"),
        (("{table: item}", "{table: item, ids: {hash_buckets: 5}}"),
         ("tables", "item"), False, "the sample alone has 9 distinct tokens for"),
    ],
)  # fmt: skip
def test_more_tokens_than_rows_are_told(
    job_of: Callable[..., Job],
    change: tuple[str, str],
    path: tuple[str, ...],
    is_fault: bool,
    message: str,
) -> None:
    in_spans = ("path:", "spans: {column: day, every: day}\n  path:")
    spans = [in_spans] if "living" in change[1] else []

    (finding,) = table_findings("item", job_of(change, *spans), TOKENS)

    assert finding.config_path == path
    assert finding.is_fault is is_fault
    assert finding.message.startswith(message)


def test_table_with_enough_rows_has_no_finding(job_of: Callable[..., Job]) -> None:
    job = job_of()

    assert list(table_findings("item", job, TOKENS)) == []
    assert list(table_findings("tag", job, TOKENS)) == []


@pytest.mark.parametrize(
    "living", ["{}", "{capacity: 9}", "{grow_by: 2}", "{capacity: 5, grow_by: 2}"]
)
def test_table_that_grows_or_has_room_has_no_finding(
    job_of: Callable[..., Job], living: str
) -> None:
    table = ("item: {dim: 4}", f"item: {{dim: 4, living: {living}}}")
    job = job_of(table, ("path:", "spans: {column: day, every: day}\n  path:"))

    assert list(table_findings("item", job, TOKENS)) == []


def sample_of(name: str, values: list[list]) -> ColumnSample:
    files = (("a.parquet", len(values)),)
    return ColumnSample(name, files, listed(pa.array(values)), False, None)


@pytest.mark.parametrize(
    ("weights", "is_skipped", "faults"),
    [
        ([[0.5], [1.0, 2.0]], False, []),
        ([[0.5], [1.0]], False, [True]),
        ([[0.5], [1.0]], True, [False]),
        ([[], [1.0]], True, [True]),
    ],
)
def test_weights_are_as_many_as_the_ids(
    job_of: Callable[..., Job], weights: list, is_skipped: bool, faults: list[bool]
) -> None:
    feature = job_of().features["tags"]
    ids, scores = sample_of("tags", [["a"], ["b", "c"]]), sample_of("scores", weights)

    findings = list(
        weight_findings("tags", feature, ids, scores, is_skipped=is_skipped)
    )

    assert [finding.is_fault for finding in findings] == faults
    for finding in findings:
        assert finding.config_path == ("features", "tags", "weights")
        assert finding.causes == {
            "column `scores` has not one weight for each id in column `tags`"
        }
