"""A model that passes every gate is published, another with a reason, all recorded."""

import json
import logging
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tfx.types import standard_artifacts

from shardline.components.contracts.artifacts import (
    ModelComparison,
    ServingValidation,
)
from shardline.components.contracts.spans.comparison import (
    CANDIDATE,
    ComparedModel,
    Comparison,
)
from shardline.components.contracts.validation import Gate, Validation
from shardline.components.pusher.executor import Executor
from shardline.configs.schema import Publishing

PARITY = Gate(gate="parity", passes=True, why="all equal")
TOO_LARGE = Gate(gate="size", passes=False, value=12, limit=10, why="12 bytes, not 10")


@pytest.fixture
def artifacts(tmp_path: Path) -> dict[str, Any]:
    """A model, verdicts to come, and what is pushed."""
    made = {
        "model": standard_artifacts.Model(),
        "model_blessing": standard_artifacts.ModelBlessing(),
        "validation": ServingValidation(),
        "pushed_model": standard_artifacts.PushedModel(),
    }
    for name, artifact in made.items():
        artifact.uri = str(tmp_path / name)
        Path(artifact.uri).mkdir()
    graph = tmp_path / "model" / "Format-Serving" / "saved_model.pb"
    graph.parent.mkdir()
    graph.write_bytes(b"graph")
    return made


def push(
    artifacts: dict[str, Any],
    serving_dir: Path,
    blessed: int,
    *gates: Gate,
    **told: Any,
) -> Any:
    """Runs the executor; returns what is recorded."""
    artifacts["model_blessing"].set_int_custom_property("blessed", blessed)
    Validation(gates=[PARITY, *gates]).save(artifacts["validation"].uri)
    inputs = {name: [one] for name, one in artifacts.items() if name != "pushed_model"}
    parameters = {
        "serving_dir": str(serving_dir),
        "publishing": Publishing().model_dump_json(),
        "force": "",
        "code_version": "1",
    }
    Executor().Do(
        inputs, {"pushed_model": [artifacts["pushed_model"]]}, parameters | told
    )
    return artifacts["pushed_model"]


def published(serving_dir: Path) -> list[Path]:
    """Returns the folders of versions."""
    return [path for path in serving_dir.glob("*") if path.name.isdigit()]


def publication(version: Path) -> dict[str, Any]:
    return json.loads((version / "assets.extra" / "publication.json").read_text())


def test_model_that_passes_is_published_and_recorded(
    artifacts: dict[str, Any], tmp_path: Path
) -> None:
    pushed = push(artifacts, tmp_path / "serving", 1)

    (version,) = published(tmp_path / "serving")
    assert (version / "saved_model.pb").read_bytes() == b"graph"
    assert pushed.get_int_custom_property("pushed") == 1
    assert pushed.get_string_custom_property("pushed_destination") == str(version)
    assert pushed.get_string_custom_property("pushed_version") == version.name
    assert pushed.get_string_custom_property("kind") == "full"
    assert not pushed.has_custom_property("forced")
    assert Path(pushed.uri, "destination.txt").read_text() == str(version)
    said = publication(version)
    assert (said["forced"], said["overridden"]) == (None, [])
    assert said["origin"] == {"model": artifacts["model"].uri}
    verdicts = [(gate["gate"], gate["passes"]) for gate in said["gates"]]
    assert verdicts == [("evaluation", True), ("parity", True)]


@pytest.mark.parametrize(
    ("blessed", "gates", "blocked_by"),
    [
        (0, [], "evaluation"),
        (1, [TOO_LARGE], "size"),
        (0, [TOO_LARGE], "evaluation,size"),
    ],
)
def test_model_that_a_gate_holds_back_is_not_published(
    artifacts: dict[str, Any],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    blessed: int,
    gates: list[Gate],
    blocked_by: str,
) -> None:
    with caplog.at_level(logging.INFO, "shardline.pusher"):
        pushed = push(artifacts, tmp_path / "serving", blessed, *gates)

    assert not (tmp_path / "serving").exists()
    assert pushed.get_int_custom_property("pushed") == 0
    assert pushed.get_string_custom_property("pushed_destination") == ""
    assert pushed.get_string_custom_property("blocked_by") == blocked_by
    for name in blocked_by.split(","):
        assert f"gate {name} is closed: " in caplog.text
    assert ("12 bytes, not 10" in caplog.text) is bool(gates)


def test_reason_publishes_and_is_recorded_everywhere(
    artifacts: dict[str, Any], tmp_path: Path
) -> None:
    reason = "the size was agreed on"

    pushed = push(artifacts, tmp_path / "serving", 0, TOO_LARGE, force=f" {reason}\n")

    (version,) = published(tmp_path / "serving")
    assert pushed.get_int_custom_property("pushed") == 1
    assert pushed.get_string_custom_property("forced") == reason
    assert pushed.get_string_custom_property("overridden") == "evaluation,size"
    said = publication(version)
    assert (said["forced"], said["overridden"]) == (reason, ["evaluation", "size"])
    assert said["gates"][-1]["why"] == "12 bytes, not 10"


def test_blank_reason_is_none(artifacts: dict[str, Any], tmp_path: Path) -> None:
    pushed = push(artifacts, tmp_path / "serving", 0, force="  ")

    assert pushed.get_int_custom_property("pushed") == 0


def test_verdict_on_scores_that_are_no_numbers_is_recorded_as_json(
    artifacts: dict[str, Any], tmp_path: Path
) -> None:
    differs = Gate(gate="size", passes=False, value=math.inf, why="scores are NaN")

    push(artifacts, tmp_path / "serving", 1, differs, force="to look at it")

    (version,) = published(tmp_path / "serving")
    text = (version / "assets.extra" / "publication.json").read_text()
    said = json.loads(text, parse_constant=lambda constant: pytest.fail(constant))
    assert said["gates"][2]["value"] == "Infinity"


FELL = Gate(gate="regression.auc", passes=False, why="AUC fell by 0.1, not by 0.005")
RIGHT = Gate(gate="data.label", passes=True, why="labels are as before")


@pytest.fixture
def compared(artifacts: dict[str, Any], tmp_path: Path) -> Callable[..., None]:
    """Writes how the model does beside others, by its gates."""

    def write(*gates: Gate, spans: str = "") -> None:
        artifacts["comparison"] = ModelComparison()
        artifacts["comparison"].uri = str(tmp_path / "comparison")
        Comparison(
            judged_on="span 2026-05",
            models={CANDIDATE: ComparedModel(uri="model", spans=spans)},
            slices=(),
            gates=gates,
        ).save(artifacts["comparison"].uri)

    return write


def test_model_that_is_worse_than_the_one_in_service_is_not_published(
    artifacts: dict[str, Any],
    tmp_path: Path,
    compared: Callable[..., None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    compared(RIGHT, FELL)

    pushed = push(artifacts, tmp_path / "serving", 1)

    assert not (tmp_path / "serving").exists()
    assert pushed.get_string_custom_property("blocked_by") == "regression.auc"
    assert "gate regression.auc is closed: AUC fell by 0.1" in caplog.text


def test_reason_overrides_the_comparison_too(
    artifacts: dict[str, Any], tmp_path: Path, compared: Callable[..., None]
) -> None:
    compared(FELL)

    pushed = push(artifacts, tmp_path / "serving", 1, force="the margin was agreed on")

    (version,) = published(tmp_path / "serving")
    assert pushed.get_string_custom_property("overridden") == "regression.auc"
    assert publication(version)["overridden"] == ["regression.auc"]


def test_comparison_and_spans_are_in_the_publication(
    artifacts: dict[str, Any], tmp_path: Path, compared: Callable[..., None]
) -> None:
    compared(RIGHT, spans="2026-03, 2026-04")

    push(artifacts, tmp_path / "serving", 1)

    (version,) = published(tmp_path / "serving")
    said = publication(version)
    assert said["origin"] == {
        "model": artifacts["model"].uri,
        "spans": "2026-03, 2026-04",
    }
    names = [gate["gate"] for gate in said["gates"]]
    assert names == ["evaluation", "parity", "data.label"]
