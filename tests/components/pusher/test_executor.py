"""A blessed model is published, any other is not, and both are recorded."""

from pathlib import Path
from typing import Any

import pytest
from tfx.types import standard_artifacts

from components.pusher.executor import Executor


@pytest.fixture
def artifacts(tmp_path: Path) -> dict[str, Any]:
    """A model, a blessing without a verdict yet, and what is pushed."""
    made = {
        "model": standard_artifacts.Model(),
        "model_blessing": standard_artifacts.ModelBlessing(),
        "pushed_model": standard_artifacts.PushedModel(),
    }
    for name, artifact in made.items():
        artifact.uri = str(tmp_path / name)
        Path(artifact.uri).mkdir()
    graph = tmp_path / "model" / "Format-Serving" / "saved_model.pb"
    graph.parent.mkdir()
    graph.write_bytes(b"graph")
    return made


def push(artifacts: dict[str, Any], serving_dir: Path, blessed: int) -> Any:
    """Runs the executor; returns what is recorded."""
    artifacts["model_blessing"].set_int_custom_property("blessed", blessed)
    inputs = {name: [artifacts[name]] for name in ("model", "model_blessing")}
    Executor().Do(
        inputs,
        {"pushed_model": [artifacts["pushed_model"]]},
        {"serving_dir": str(serving_dir), "code_version": "1"},
    )
    return artifacts["pushed_model"]


def test_blessed_model_is_published_and_recorded(
    artifacts: dict[str, Any], tmp_path: Path
) -> None:
    pushed = push(artifacts, tmp_path / "serving", blessed=1)

    (version,) = (tmp_path / "serving").iterdir()
    assert (version / "saved_model.pb").read_bytes() == b"graph"
    assert pushed.get_int_custom_property("pushed") == 1
    assert pushed.get_string_custom_property("pushed_destination") == str(version)
    assert pushed.get_string_custom_property("pushed_version") == version.name
    assert Path(pushed.uri, "destination.txt").read_text() == str(version)


def test_model_that_is_not_blessed_is_not_published(
    artifacts: dict[str, Any], tmp_path: Path
) -> None:
    pushed = push(artifacts, tmp_path / "serving", blessed=0)

    assert not (tmp_path / "serving").exists()
    assert pushed.get_int_custom_property("pushed") == 0
    assert pushed.get_string_custom_property("pushed_destination") == ""
