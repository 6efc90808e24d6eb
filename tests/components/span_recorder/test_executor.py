"""The state is written once, from what the artifacts of a run say."""

import logging
from pathlib import Path
from typing import Any

import pytest
from tfx.types import standard_artifacts

from shardline.components.contracts.artifacts import (
    HostShardedCheckpoint,
    LivingVocabulary,
    ModelComparison,
)
from shardline.components.contracts.artifacts import SpanPlan as PlanArtifact
from shardline.components.contracts.spans.comparison import Comparison
from shardline.components.contracts.spans.files import SpanFiles, SpanPart
from shardline.components.contracts.spans.plan import PlannedSpan, SpanPlan
from shardline.components.contracts.spans.profile import SpanProfile
from shardline.components.contracts.spans.state import (
    STATE_FILE,
    StateError,
    load_state,
)
from shardline.components.span_recorder.executor import Executor

SPAN = PlannedSpan(span="2026-11-29", digest="d")


@pytest.fixture
def artifacts(tmp_path: Path) -> dict[str, Any]:
    """What a run has made."""
    made = {
        "plan": PlanArtifact(),
        "examples": standard_artifacts.Examples(),
        "transform_graph": standard_artifacts.TransformGraph(),
        "vocabularies": LivingVocabulary(),
        "checkpoint": HostShardedCheckpoint(),
        "model": standard_artifacts.Model(),
        "comparison": ModelComparison(),
        "pushed_model": standard_artifacts.PushedModel(),
    }
    for name, artifact in made.items():
        artifact.uri = str(tmp_path / name)
    made["checkpoint"].set_int_custom_property("steps", 40)
    made["pushed_model"].set_int_custom_property("pushed", 1)
    made["pushed_model"].set_string_custom_property("pushed_version", "1764500000")
    SpanPlan(train=(SPAN,), new=(str(SPAN),), evaluate=SPAN, reason="r").save(
        made["plan"].uri
    )
    part = SpanPart(
        planned=SPAN,
        split="train",
        files=("a.gz",),
        examples=3,
        profile=SpanProfile(examples=3, content="c"),
    )
    SpanFiles(parts=(part,)).save(made["examples"].uri)
    Comparison(judged_on="2026-11-30", models={}, slices=()).save(
        made["comparison"].uri
    )
    return made


def run(artifacts: dict[str, Any], serving_dir: Path, name: str = "shop") -> None:
    inputs = {key: [artifact] for key, artifact in artifacts.items()}
    Executor().Do(inputs, {}, {"name": name, "serving_dir": str(serving_dir)})


def test_run_is_recorded_once(
    artifacts: dict[str, Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    serving_dir = tmp_path / "serving"

    with caplog.at_level(logging.INFO, "shardline.spans"):
        run(artifacts, serving_dir)
        written = (serving_dir / STATE_FILE).read_bytes()
        run(artifacts, serving_dir)

    assert (serving_dir / STATE_FILE).read_bytes() == written
    state = load_state(str(serving_dir), "shop")
    (trained,) = state.runs
    assert trained.base is not None
    assert trained.base.checkpoint == artifacts["checkpoint"].uri
    assert trained.base.vocabularies == artifacts["vocabularies"].uri
    assert trained.base.transform_graph == artifacts["transform_graph"].uri
    assert trained.base.steps == 40
    assert trained.model == artifacts["model"].uri
    assert (trained.verdict, trained.version) == ("published", "1764500000")
    assert trained.profiles["2026-11-29"].examples == 3
    assert "recorded: 2026-11-29 published as version 1764500000" in caplog.text
    assert "2026-11-29 are recorded already" in caplog.text
    assert [path.name for path in serving_dir.iterdir()] == [STATE_FILE]


def test_refusal_is_recorded(artifacts: dict[str, Any], tmp_path: Path) -> None:
    refused = standard_artifacts.PushedModel()
    refused.uri = str(tmp_path / "refused")
    refused.set_int_custom_property("pushed", 0)
    refused.set_string_custom_property("blocked_by", "parity")

    run({**artifacts, "pushed_model": refused}, tmp_path / "serving")

    state = load_state(str(tmp_path / "serving"), "shop")
    assert state.refused is not None
    assert state.refused.reasons == ("parity",)


def test_state_of_another_run_is_left_alone(
    artifacts: dict[str, Any], tmp_path: Path
) -> None:
    run(artifacts, tmp_path / "serving")

    with pytest.raises(StateError, match="is that of run `shop`, and this one is `b`"):
        run(artifacts, tmp_path / "serving", name="b")
