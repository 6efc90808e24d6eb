"""The demo's tables and verdict, and what it says where there is nothing to show."""

import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from rich.table import Table

from shardline import configs
from shardline.configs import load_run
from shardline.pipeline.commands.continuous_demo import (
    NewMovies,
    main,
    movies_table,
    table_of,
    verdict_of,
)


def month(number: int, warm: float, scratch: float, never: float) -> dict[str, Any]:
    def model(auc: float, **more: Any) -> dict[str, Any]:
        return {"auc": auc, "normalized_entropy": 0.9, **more}

    return {
        "trained": f"1998-{number:02}",
        "judged_on": f"1998-{number + 1:02}",
        "version": str(number),
        "warm": model(warm, steps=20),
        "from_scratch": model(scratch, steps=20 * number),
        "never_updated": model(never),
        "unknown": 0.01,
        "unknown_to_never_updated": 0.1,
    }


MONTHS = [
    month(1, 0.70, 0.71, 0.70),
    month(2, 0.72, 0.76, 0.73),
    month(3, 0.75, 0.752, 0.74),
    month(4, 0.76, 0.759, 0.74),
]


def cells(table: Table) -> list[list[str]]:
    shown = io.StringIO()
    Console(file=shown, width=200).print(table)
    rows = [line.split("│") for line in shown.getvalue().splitlines() if "│" in line]
    return [[cell.strip() for cell in row[1:-1]] for row in rows]


def test_each_month_has_its_three_models() -> None:
    rows = cells(table_of(MONTHS))

    assert len(rows) == 3 * len(MONTHS)
    assert rows[6] == [
        *("1998-03", "1998-04", "published"),
        *("0.7500", "0.9000", "20", "1.0%"),
    ]
    assert rows[8][2:] == ["never updated", "0.7400", "0.9000", "", "10.0%"]


def test_verdict_is_of_the_third_month_and_later() -> None:
    said = verdict_of(MONTHS)

    assert "at least +0.0100 AUC" in said
    assert "at worst -0.0020 AUC" in said
    assert "29% of its steps" in said


def test_movies_are_told_by_who_knows_them() -> None:
    rows = cells(movies_table([NewMovies("1998-02", 20, 0, 20, 0.0312)]))

    assert rows == [["1998-02", "20", "0", "20", "0.031"]]


def test_demo_without_a_run_says_what_to_do(
    small_config: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments = [str(small_config()), f"--output-dir={tmp_path}"]
    monkeypatch.setattr(sys, "argv", ["continuous_demo", *arguments])

    assert main() == 1

    printed = capsys.readouterr().out
    assert "holds no published model of a run in spans" in printed


def test_months_have_the_features_and_the_model_of_the_demo() -> None:
    folder = Path(configs.__file__).parent
    monthly = load_run(folder / "movielens_monthly.yaml")
    whole = load_run(folder / "movielens.yaml")

    assert monthly.features == whole.features
    assert monthly.model == whole.model
    for name, table in monthly.tables.items():
        assert table.model_copy(update={"living": None}) == whole.tables[name]
