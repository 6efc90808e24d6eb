"""`shardline agent --once`: what it copies, and how it says that it could not."""

import json
import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from shardline.components.pusher.publication import Record
from shardline.components.pusher.publish import publish_model
from shardline.configs.serving import Publishing


@pytest.fixture(autouse=True)
def own_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves the log of the process as it is."""
    monkeypatch.setattr(logging, "basicConfig", lambda **options: None)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A serving folder with one version."""
    model = tmp_path / "model"
    (model / "assets.extra").mkdir(parents=True)
    (model / "saved_model.pb").write_text("graph")
    (model / "assets.extra" / "model.json").write_text(json.dumps({"metrics": {}}))
    publish_model(model, str(tmp_path / "serving"), Publishing(), Record())
    return tmp_path / "serving"


def test_agent_makes_what_is_published(
    invoke: Callable[..., Result], source: Path, tmp_path: Path
) -> None:
    target = tmp_path / "models"

    result = invoke("agent", source, target, "--once")

    assert result.exit_code == 0, result.output
    (version,) = [path for path in target.iterdir() if path.name.isdigit()]
    assert (version / "saved_model.pb").read_text() == "graph"


def test_agent_that_could_not_copy_says_why(
    invoke: Callable[..., Result], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    result = invoke("agent", tmp_path / "absent", tmp_path / "models", "--once")

    assert result.exit_code == 1
    assert "absent holds no published model yet. Publish one there" in caplog.text


def test_folder_that_is_its_own_target_is_refused(
    invoke: Callable[..., Result], source: Path
) -> None:
    result = invoke("agent", source, source, "--once")

    assert result.exit_code == 1
    assert "Name another one for the server" in result.output
