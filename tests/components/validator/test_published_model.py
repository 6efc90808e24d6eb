"""A published model is compared with what travels with it, and named if it differs."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from shardline.components.contracts.validation import Gate
from shardline.components.pusher.publication import PublicationError
from shardline.components.validator import published_model
from shardline.components.validator.published_model import (
    PublishedModelError,
    PublishedParity,
    check_published_model,
)
from shardline.components.validator.replay.answers import NotServedError


def parity(*, passes: bool) -> SimpleNamespace:
    """What `check_parity` returns of a model of two tables."""
    return SimpleNamespace(
        gate=Gate(gate="parity", passes=passes, why="Scores differ by 0.25."),
        scores=SimpleNamespace(examples=200, largest_difference=1e-7),
        tables={
            "user": SimpleNamespace(examples=30, refused=2),
            "item": SimpleNamespace(examples=10, refused=1),
        },
    )


@pytest.fixture
def serving(tmp_path: Path) -> Path:
    """A serving folder with one version, which has no files."""
    (tmp_path / "7").mkdir()
    return tmp_path


def test_model_that_agrees_is_summed_up(
    serving: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def check(folder: str, max_difference: float) -> Any:
        calls.append((folder, max_difference))
        return parity(passes=True)

    monkeypatch.setattr(published_model, "check_parity", check)

    assert check_published_model(serving, 0.5) == PublishedParity(
        version=7,
        examples=200,
        largest_difference=1e-7,
        lookups=40,
        refused=3,
        tables=2,
    )
    assert calls == [(str(serving / "7"), 0.5)]


def test_model_that_differs_is_refused_with_its_version(
    serving: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        published_model, "check_parity", lambda *_: parity(passes=False)
    )

    with pytest.raises(PublishedModelError, match=r"^Version 7: Scores differ"):
        check_published_model(serving, 0.5)


def test_model_that_cannot_be_asked_is_refused_with_its_version(
    serving: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise NotServedError("It has no signature `serving_default`.")

    monkeypatch.setattr(published_model, "check_parity", refuse)

    with pytest.raises(PublishedModelError, match=r"^Version 7: It has no signature"):
        check_published_model(serving, 0.5)


def test_no_version_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PublicationError, match="holds no published model"):
        check_published_model(tmp_path, 0.5)
