"""The verdict is recorded, whatever it is."""

from pathlib import Path

import pytest
from tfx.types import standard_artifacts

from shardline.components.contracts.artifacts import ServingValidation
from shardline.components.contracts.validation import (
    Gate,
    Latency,
    Validation,
    load_validation,
)
from shardline.components.validator import executor
from shardline.components.validator.executor import Executor
from shardline.configs.schema import Serving

CLOSED = Gate(gate="size", passes=False, value=12.0, limit=10.0, why="too large")


@pytest.mark.parametrize("closed", [[], [CLOSED]], ids=["open", "closed"])
def test_verdict_is_recorded_and_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, closed: list[Gate]
) -> None:
    parity = Gate(gate="parity", passes=True, value=float("inf"), why="all equal")
    validation = Validation(
        gates=[parity, *closed], latency_ms={1: Latency(p50=1, p90=2, p99=3)}
    )
    asked: list[tuple[str, Serving]] = []
    monkeypatch.setattr(
        executor, "validate", lambda *given: asked.append(given) or validation
    )
    model, artifact = standard_artifacts.Model(), ServingValidation()
    model.uri, artifact.uri = str(tmp_path / "model"), str(tmp_path / "validation")
    (tmp_path / "model" / "Format-Serving").mkdir(parents=True)
    serving = Serving(max_bytes=10)

    Executor().Do(
        {"model": [model]},
        {"validation": [artifact]},
        {"serving": serving.model_dump_json(), "code_version": "1"},
    )

    assert asked == [(f"{model.uri}/Format-Serving", serving)]
    assert load_validation(artifact.uri) == validation
    assert artifact.get_int_custom_property("blessed") == int(not closed)
    assert artifact.get_string_custom_property("parity") == "passes: all equal"
    size = artifact.get_string_custom_property("size")
    assert size == ("closed: too large" if closed else "")


def test_verdict_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no verdict"):
        load_validation(str(tmp_path))
