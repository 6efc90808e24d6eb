"""The demo's table of movies, and what it says where it cannot make one."""

import io
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from shardline.pipeline.commands.movielens_demo import best_first, main, requests_of


def test_titles_of_the_highest_scores_come_first() -> None:
    shown = io.StringIO()

    table = best_first(["Low", "High", "Middle"], [0.25, 0.75, 0.5], count=2)

    Console(file=shown, width=80).print(table)
    rows = [line.split("│") for line in shown.getvalue().splitlines() if "│" in line]
    cells = [[cell.strip() for cell in row[1:-1]] for row in rows]
    assert cells == [["1", "High", "0.750"], ["2", "Middle", "0.500"]]


def test_request_is_made_for_each_movie_that_the_user_has_not_rated(
    movielens_zip: Path,
) -> None:
    titles, requests = requests_of(movielens_zip, "1", history_length=5)

    assert len(titles) == len(requests) > 0
    assert len(set(requests)) == len(requests)
    assert all(isinstance(request, bytes) for request in requests)


@pytest.mark.parametrize(
    ("user", "said"),
    [("1", "holds no published model. Run the pipeline first."), ("nobody", "nobody")],
)
def test_demo_that_cannot_answer_says_why(
    small_config: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    user: str,
    said: str,
) -> None:
    arguments = [str(small_config()), f"--output-dir={tmp_path}", f"--user={user}"]
    monkeypatch.setattr(sys, "argv", ["movielens_demo", *arguments])

    assert main() == 1

    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == f"What may user {user} like next?"
    assert said in printed[-1]
