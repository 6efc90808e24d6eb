"""`shardline serve-check` says how the published model compares, or why it fails."""

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from shardline.components.validator.published_model import (
    PublishedModelError,
    PublishedParity,
)

CHECK = "shardline.components.validator.published_model.check_published_model"


def test_no_published_model_is_told(
    invoke: Callable[..., Result], small_config: Callable[..., Path], tmp_path: Path
) -> None:
    result = invoke("serve-check", small_config(), "--output-dir", tmp_path)

    assert result.exit_code == 1
    assert "holds no published model. Run the pipeline first." in result.output


def test_model_that_answers_as_the_engine_did_is_told_in_a_line(
    invoke: Callable[..., Result],
    small_config: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls = []

    def check(serving_folder: Path, max_difference: float) -> PublishedParity:
        calls.append((serving_folder, max_difference))
        return PublishedParity(7, 200, 2.5e-7, 40, 3, 2)

    monkeypatch.setattr(CHECK, check)

    result = invoke("serve-check", small_config(), "--output-dir", tmp_path)

    assert result.exit_code == 0, result.output
    assert calls == [(tmp_path.resolve() / "serving", 1e-6)]
    assert result.output.splitlines() == [
        "Replaying the trainer's predictions in a fresh process",
        "Version 7 answers 200 examples as the engine did: largest difference "
        "2.5e-07. 40 lookups of 2 tables are as in training, 3 are refused as in "
        "training.",
    ]


def test_model_that_differs_fails_with_the_reason(
    invoke: Callable[..., Result],
    small_config: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def check(serving_folder: Path, max_difference: float) -> PublishedParity:
        raise PublishedModelError("Version 7: Scores differ by 0.25.")

    monkeypatch.setattr(CHECK, check)

    result = invoke("serve-check", small_config(), "--output-dir", tmp_path)

    assert result.exit_code == 1
    assert result.output.splitlines()[1:] == ["Version 7: Scores differ by 0.25."]
