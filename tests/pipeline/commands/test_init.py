"""The command writes a configuration that `check` finds no fault in."""

from collections.abc import Callable
from pathlib import Path

import pytest
from shardline_tests import load
from typer.testing import Result

forms = load("components/drafter/forms.py")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with an empty folder `d` in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "d").mkdir()
    return tmp_path


FORMS = {
    "plain": lambda d: forms.write(d / "a.csv", forms.shop()),
    "semicolons": lambda d: forms.write(d / "a.csv", forms.shop(), ";", "latin-1"),
    "no header": forms.criteo,
    "MovieLens": forms.movielens,
    "Book-Crossing": forms.book_crossing,
    "Anime": forms.anime,
    "odd names": lambda d: forms.write(
        d / "a.csv", forms.shop("名前", "a\x1b[31m", "{}", "click")
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("write", FORMS.values(), ids=list(FORMS))
def test_what_is_written_passes_the_check(
    folder: Path, invoke: Callable[..., Result], write: Callable[[Path], None]
) -> None:
    write(folder / "d")

    result = invoke("init", "d", "--name", "mine")

    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert lines[0] == "Wrote mine.yaml"
    assert lines[-1] == "  shardline run mine.yaml"
    checked = invoke("check", "mine.yaml")
    assert checked.exit_code == 0, checked.output


def test_what_was_chosen_is_printed(
    folder: Path, invoke: Callable[..., Result]
) -> None:
    forms.write(folder / "d" / "clicks.csv", forms.shop(), "\t")

    result = invoke("init", "d/clicks.csv")

    assert result.output.splitlines() == [
        "Wrote clicks.yaml",
        "  examples: clicks.csv, csv",
        r'  dialect:  {delimiter: "\t"}',
        "  label:    click (0 and 1; 54% of the sample are 1)",
        "  eval:     20% of the rows, drawn by a hash of each",
        "  features: user, item",
        "  numbers:  price",
        "Look at the reasons in the file, then:",
        "  shardline check clicks.yaml",
        "  shardline plan clicks.yaml",
        "  shardline run clicks.yaml",
    ]


def test_file_that_is_there_is_not_written_over(
    folder: Path, invoke: Callable[..., Result]
) -> None:
    forms.write(folder / "d" / "a.csv", forms.shop())
    for arguments in (["--output", "x.yaml"], ["--name", "x"]):
        (folder / "x.yaml").write_text("mine")

        result = invoke("init", "d", *arguments)

        assert result.exit_code == 1
        assert "x.yaml is there already, and is not written over." in result.output
        assert (folder / "x.yaml").read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["d"], "d: no file matches `**/*`; there is nothing."),
        (["absent.csv"], "absent.csv: cannot be read: No such file or directory."),
        (["d", "--name", "A B"], "--name A B: a name has lower case letters"),
    ],
)
def test_what_cannot_be_done_is_told_and_nothing_written(
    folder: Path, invoke: Callable[..., Result], arguments: list[str], said: str
) -> None:
    result = invoke("init", *arguments)

    assert result.exit_code == 1
    assert said in result.output
    assert [path.name for path in folder.iterdir()] == ["d"]
