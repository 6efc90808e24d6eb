"""What came of a run, as a file for other programs."""

import json
from pathlib import Path

import pytest

from shardline.pipeline.runners.result import RunResult, load_result

pytestmark = pytest.mark.orchestration


def test_result_is_read_as_it_was_written(tmp_path: Path) -> None:
    result = RunResult(0, version="3", spans=("2026-11", "2026-12"), is_more_due=True)

    result.save(tmp_path / "result.json")

    assert load_result(tmp_path / "result.json") == result
    assert json.loads((tmp_path / "result.json").read_text())["version"] == "3"


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"spans": [], "other": 1}'])
def test_half_a_result_is_none(text: str, tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text(text)

    assert load_result(tmp_path / "result.json") is None
    assert load_result(tmp_path / "absent.json") is None
