"""`check` tries what a configuration names: reader, package, model, own function."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from shardline.pipeline.commands.app import app


def test_reader_is_checked_by_its_declared_columns(
    small_config: Callable[..., Path],
) -> None:
    config = small_config(user_id="{table: user, column: usr}")

    result = CliRunner().invoke(app, ["check", str(config)])

    assert result.exit_code == 1
    lines = config.read_text().splitlines()
    line = next(n for n, text in enumerate(lines, 1) if "column: usr" in text)
    start = f"{config}:{line}: feature `user_id`: column `usr` is not among"
    assert any(text.startswith(start) for text in result.output.splitlines())
    assert "No sample was taken" in result.output


def test_model_that_cannot_be_made_is_a_fault(
    check: Callable[..., tuple[Path, Result]],
) -> None:
    more = (
        "  band: {dim: 8}\nmodel: {options: {droput: 1}}\n"
        "training: {batch_size: 4, steps: 1}\nevaluation: {min_auc: 0.5}\n"
    )
    config, result = check("csv", {"  band: {dim: 8}\n": more})

    assert result.exit_code == 1
    assert (
        f"{config}:28: model: `shardline.components.model.dlrm.DLRM` does not take"
        in result.output
    )


FUNCTION = """
import tensorflow as tf
import tensorflow_transform as tft

def made(columns):
    return {"letters": tf.strings.bytes_split(columns["user"]),
            "share": columns["price"] / tft.max(columns["price"])}
"""
DERIVED = {
    "features:": "derived:\n  function: own_columns.made\n"
    "  inputs: {user: {dtype: string}, price: {dtype: float}}\n"
    "  outputs: {letters: {dtype: string, ragged: true}, share: {dtype: float}}\n"
    "features:\n  letters: {table: letter, combiner: mean}",
    "numbers:": "numbers:\n  share: {}",
    "tables:": "tables:\n  letter: {dim: 8}",
}


@pytest.fixture
def own_columns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], None]]:
    """Writes a module with a function of one's own."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(text: str) -> None:
        (tmp_path / "own_columns.py").write_text(text)

    yield write
    sys.modules.pop("own_columns", None)


def test_package_that_cannot_be_had_is_a_fault(
    check: Callable[..., tuple[Path, Result]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    download = "download: {requirement: absent_package==1.0, sha256: " + "0a" * 32
    config, result = check("csv", {"path: ": f"{download}}}\n  # "})

    assert result.exit_code == 1
    told = f"{config}:7: data: Could not download absent_package==1.0"
    assert any(text.startswith(told) for text in result.output.splitlines())


def test_function_of_the_user_is_tried_on_the_sample(
    check: Callable[..., tuple[Path, Result]], own_columns: Callable[[str], None]
) -> None:
    own_columns(FUNCTION)

    _, result = check("csv", DERIVED)

    assert result.exit_code == 0, result.output
    assert "columns fit, 40 examples sampled" in result.output


@pytest.mark.parametrize(
    ("own", "line", "told"),
    [
        ("", 11, "derived.function: `own_columns.made` cannot be imported"),
        (
            FUNCTION.replace('"letters"', '"words"'),
            10,
            "derived: the sample cannot be transformed: ValueError: `own_columns.made` "
            "gives `share` (one float), `words` (any number of string values)",
        ),
        (
            FUNCTION.replace("tf.strings.bytes_split", "undefined_here"),
            10,
            "derived: the sample cannot be transformed: ValueError: `own_columns.made` "
            "fails in ",
        ),
    ],
    ids=["absent", "other columns", "broken"],
)
def test_faulty_function_of_the_user_is_told(
    check: Callable[..., tuple[Path, Result]],
    own_columns: Callable[[str], None],
    own: str,
    line: int,
    told: str,
) -> None:
    own_columns(own)

    config, result = check("csv", DERIVED)

    assert result.exit_code == 1
    start = f"{config}:{line}: {told}"
    assert any(t.startswith(start) for t in result.output.splitlines()), result.output
