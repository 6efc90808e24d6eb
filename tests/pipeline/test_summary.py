"""What a finished run shows, from artifacts written by hand."""

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from tensorflow_metadata.proto.v0 import anomalies_pb2

from shardline.components.contracts.model_folder import CARD_FILE
from shardline.components.contracts.validation import Gate, Latency, Validation
from shardline.components.evaluation.binary import Judged
from shardline.configs import load_run
from shardline.configs.schema import Run
from shardline.pipeline import summary
from shardline.pipeline.metadata.run_error import RefusedError, RunError
from shardline.pipeline.run_folder import RunFolder

JUDGED = Judged({"auc": 0.75, "normalized_entropy": 0.9, "calibration": 1.01}, {})
PUSHED = {"pushed": 1, "pushed_destination": "/serving/7"}
PARITY = Gate(gate="parity", passes=True, why="all equal")
TOO_LARGE = Gate(gate="size", passes=False, value=12, limit=10, why="12 bytes, not 10")


@dataclasses.dataclass
class Artifact:
    """What a summary reads of a recorded artifact."""

    uri: str
    properties: Mapping[str, Any] = dataclasses.field(default_factory=dict)


class Record:
    """The record of a run whose artifacts lie in a folder."""

    def __init__(self, folder: Path, pushed: Mapping[str, Any], *gates: Gate):
        self._properties = {
            "checkpoint": {"steps": 120, "hosts": 2},
            "pushed_model": pushed,
        }
        self._folder = folder
        card = folder / "model" / "Format-Serving" / CARD_FILE
        card.parent.mkdir(parents=True)
        tables = {"user": {"form": "int8", "bytes": 1200}}
        card.write_text(json.dumps({"tables": tables}))
        latency = {1: Latency(p50=0.5, p90=0.6, p99=0.75)}
        validation = Validation(gates=[PARITY, *gates], bytes=54321, latency_ms=latency)
        validation.save(str(folder / "validation"))

    def artifacts(self, component: str) -> Mapping[str, Artifact]:
        outputs = {
            "Trainer": ["checkpoint", "model_run"],
            "ServingValidator": ["validation"],
            "Exporter": ["model"],
            "Pusher": ["pushed_model"],
            "ReaderExampleGen": ["examples"],
            "ExampleValidator": ["anomalies"],
        }
        return {
            name: Artifact(str(self._folder / name), self._properties.get(name, {}))
            for name in outputs[component]
        }


@pytest.fixture
def run(small_config: Callable[..., Path]) -> Run:
    return load_run(small_config(min_auc="0.6"))


@pytest.fixture
def summarize(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., dict[str, str]]:
    """The summary of what was pushed, for scores that were judged so."""

    def summary_of(
        pushed: Mapping[str, Any],
        *gates: Gate,
        judged: Judged = JUDGED,
        ran: Sequence[str] | None = None,
        run: Run = run,
    ) -> dict[str, str]:
        monkeypatch.setattr(summary, "_judged", lambda record: judged)
        record: Any = Record(tmp_path, pushed, *gates)
        return summary.summarize(run, record, RunFolder(tmp_path), ran)

    return summary_of


def test_published_model_is_shown_with_how_it_was_judged(
    summarize: Callable[..., dict[str, str]], tmp_path: Path
) -> None:
    shown = summarize(PUSHED)

    assert shown["AUC"] == "0.7500  (published from 0.6 on)"
    assert shown["Normalized entropy"] == "0.9000"
    assert shown["Training steps"] == "120 on 2 hosts"
    assert shown["Served model"] == "54,321 bytes"
    assert shown["Tables"] == "user: int8, 1,200 bytes"
    assert shown["Latency"] == "1 example: p50 0.50, p90 0.60, p99 0.75 ms"
    assert shown["Gates"] == "parity passes"
    assert shown["Data anomalies"] == "none"
    assert shown["Published model"] == "/serving/7"
    assert shown["Everything"] == str(tmp_path)


def test_closed_gates_end_the_run_with_their_reasons_and_the_remedy(
    summarize: Callable[..., dict[str, str]],
) -> None:
    blocked = {"pushed": 0, "blocked_by": "evaluation,size"}

    with pytest.raises(RunError) as raised:
        summarize(blocked, TOO_LARGE)

    first, *reasons, remedy = str(raised.value).splitlines()
    assert first.startswith("The model was not published. It lies in ")
    assert reasons == [
        "evaluation: AUC 0.7500 on the evaluation split, at least 0.6 is asked for "
        "(evaluation.min_auc).",
        "size: 12 bytes, not 10",
    ]
    assert remedy.endswith('shardline run ... --force "REASON"')


def test_force_is_shown_with_what_it_overrides(
    summarize: Callable[..., dict[str, str]],
) -> None:
    forced = {**PUSHED, "forced": "agreed on", "overridden": "size"}

    shown = summarize(forced, TOO_LARGE)

    assert shown["Published model"] == (
        "/serving/7\nby force: agreed on\nwhich overrides size"
    )
    assert shown["Gates"] == "parity passes, size CLOSED"


def test_undefined_auc_is_shown_with_its_reason(
    summarize: Callable[..., dict[str, str]],
) -> None:
    shown = summarize(PUSHED, judged=Judged({}, dict.fromkeys(JUDGED.values, "why")))

    assert shown["AUC"] == "undefined: why  (published by force)"
    assert shown["Calibration"] == "undefined: why"


def test_anomalies_of_all_splits_are_shown_once(
    summarize: Callable[..., dict[str, str]], tmp_path: Path
) -> None:
    found = anomalies_pb2.Anomalies()
    found.anomaly_info["age"].short_description = "Out-of-range values"
    for split in ("train", "eval"):
        folder = tmp_path / "anomalies" / f"Split-{split}"
        folder.mkdir(parents=True)
        (folder / "SchemaDiff.pb").write_bytes(found.SerializeToString())

    assert summarize(PUSHED)["Data anomalies"] == "age: Out-of-range values"


@pytest.mark.orchestration
def test_part_of_a_run_shows_what_it_has_made(
    summarize: Callable[..., dict[str, str]], tmp_path: Path
) -> None:
    shown = summarize(PUSHED, ran=["Trainer", "Exporter"])

    checkpoint, model_run = (str(tmp_path / n) for n in ("checkpoint", "model_run"))
    assert shown == {
        "Training steps": "120 on 2 hosts",
        "Checkpoint": checkpoint,
        "TensorBoard": model_run,
        "Outputs": "Trainer: checkpoint\nTrainer: model_run\nExporter: model",
        "Everything": str(tmp_path),
    }


@pytest.mark.orchestration
def test_part_that_publishes_fails_as_the_whole_if_the_model_is_refused(
    summarize: Callable[..., dict[str, str]],
) -> None:
    blocked = {"pushed": 0, "blocked_by": "size"}

    with pytest.raises(RefusedError, match="size: 12 bytes, not 10"):
        summarize(blocked, TOO_LARGE, ran=["Pusher"])


@pytest.mark.orchestration
def test_in_spans_a_refused_model_is_recorded_before_it_is_an_error(
    summarize: Callable[..., dict[str, str]], spans_config: Path
) -> None:
    blocked = {"pushed": 0, "blocked_by": "size"}

    shown = summarize(blocked, TOO_LARGE, ran=["Pusher"], run=load_run(spans_config))

    assert shown["Not published"] == "closed: size"
