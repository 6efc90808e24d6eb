"""What an erasure did is told in words, and found again."""

from pathlib import Path

from shardline.components.eraser.report import (
    Change,
    ErasureReport,
    Touched,
    unfinished,
)


def report(**said: object) -> ErasureReport:
    fields = {
        "feature": "user_id",
        "table": "user",
        "columns": ("user_id",),
        "crosses": (),
        "ids": 1,
        "began": "2026-11-30T12:00:00.123+00:00",
    }
    return ErasureReport.model_validate(fields | said)


def test_changes_add_up_and_are_told() -> None:
    change = Change(tokens=2, rows=1200) + Change(rows=1)

    assert change.text == "2 tokens, 1,201 rows"
    assert change
    assert not Change()


def test_reports_that_were_cut_are_known(tmp_path: Path) -> None:
    assert unfinished(tmp_path) == []
    report(touched=(Touched(path="a", outcome="deleted"),)).save(tmp_path)
    report(began="2026-11-30T13:00:00.000+00:00", finished=True).save(tmp_path)

    (found,) = unfinished(tmp_path)

    assert found.touched[0].path == "a"
    assert found.path_in(tmp_path).name == "2026-11-30T120000.123Z.json"
