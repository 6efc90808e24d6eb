"""`shardline scale`, from a plan to tables, and what it refuses."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from shardline.pipeline.commands.app import app

PLAN = Path(__file__).parents[3] / "benchmarks/scale/plan.json"


@pytest.fixture
def scale(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.setenv("COLUMNS", "160")

    def run(*arguments: str | Path) -> Result:
        return CliRunner().invoke(app, ["scale", *map(str, arguments)])

    return run


def test_tables_and_what_breaks_first_are_shown(scale: Callable[..., Result]) -> None:
    result = scale(PLAN, "--rows-per-day", "1000000000", "--spans-per-day", "24")

    assert result.exit_code == 0, result.output
    for title in ("The demand", "Beam workers", "Checkpoint sets", "What breaks first"):
        assert title in result.output
    assert "41.7 million" in result.output  # rows of a span
    assert "2.05 TB" in result.output
    assert "Unit costs: Measured by `make bench-scale` on" in result.output


def test_larger_machines_hold_more(scale: Callable[..., Result]) -> None:
    small, large = (
        scale(PLAN, "--rows-per-day", "1000", "--memory-gb", memory_gb).output
        for memory_gb in ("64", "640000")
    )

    assert "tokens" in small.partition("What breaks first")[2]
    assert re.search(r"\d times\b", small)
    assert not re.search(r"\d times\b", large)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "Missing option '--rows-per-day'"),
        (("--rows-per-day", "0"), "'--rows-per-day': Input should be greater than"),
        (("--rows-per-day", "9", "--memory-gb", "-1"), "'--memory-gb': Input should"),
        (("--rows-per-day", "9", "--costs", "none.json"), "no costs to read"),
    ],
)
def test_what_cannot_be_is_refused(
    scale: Callable[..., Result], arguments: tuple[str, ...], said: str
) -> None:
    result = scale(PLAN, *arguments)

    assert result.exit_code != 0
    assert said in " ".join(result.output.replace("│", " ").split())


def test_plan_that_lacks_something_is_refused_by_name(
    scale: Callable[..., Result], tmp_path: Path
) -> None:
    plan = json.loads(PLAN.read_text())
    del plan["tables"]["user"]["rows"]
    (tmp_path / "plan.json").write_text(json.dumps(plan))

    result = scale(tmp_path / "plan.json", "--rows-per-day", "1000")

    assert result.exit_code == 1
    assert "tables.user.rows: Field required" in result.output
