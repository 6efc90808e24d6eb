"""The columns beside a score are ids, or those that the user names."""

from pathlib import Path
from typing import Any

import pytest
from shardline_tests import load

from shardline.components.scorer.kept_columns import kept_columns

shared = load(Path(__file__).with_name("conftest.py"))


def job_with(tmp_path: Path, **changes: Any) -> Any:
    _, job = shared.job_of(tmp_path)
    return job.model_copy(update=changes)


def test_ids_are_kept_unless_others_are_named(tmp_path: Path) -> None:
    job = job_with(tmp_path)

    assert kept_columns(job, []) == ("item", "shop", "day", "hour")
    assert kept_columns(job, ["request", "size", "request"]) == ("request", "size")


@pytest.mark.parametrize(
    ("named", "message"),
    [
        (["item", "score"], "Column `score` cannot be kept, for the score is called"),
        (["tags"], r"`tags` may hold several values.*--keep\."),
        (["counts"], "`counts` may hold several values"),
    ],
)
def test_columns_that_cannot_be_kept(
    named: list[str], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=message):
        kept_columns(job_with(tmp_path), named)


def test_nothing_that_tells_rows_apart_is_told(tmp_path: Path) -> None:
    job = job_with(tmp_path)
    ragged = {name: job.features[name] for name in ("tags", "past")}

    with pytest.raises(ValueError, match="No feature has one id in each example"):
        kept_columns(job.model_copy(update={"features": ragged}), [])
