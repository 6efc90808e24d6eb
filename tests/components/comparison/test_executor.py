"""The comparator scores all models on what it is given, and records the verdict."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import roc_auc_score
from tfx.types import artifact_utils, standard_artifacts
from tfx.utils import path_utils

from shardline.components.comparison.executor import Executor
from shardline.components.comparison.scoring import NotScoredError
from shardline.components.contracts.artifacts import (
    LivingVocabulary,
    ModelComparison,
    SpanPlan,
)
from shardline.components.contracts.spans import plan as plans
from shardline.components.contracts.spans.comparison import (
    BASELINE,
    CANDIDATE,
    IN_SERVICE,
    Comparison,
    load_comparison,
)
from shardline.components.contracts.spans.files import SpanFiles, SpanPart
from shardline.components.contracts.spans.profile import SpanProfile
from shardline.components.pusher.publication import Record
from shardline.components.pusher.publish import publish_model
from shardline.configs.schema import Evaluation, FeatureSet, Publishing, Target

FEATURES = FeatureSet.model_validate(
    {"features": {"user": {"table": "person"}}, "tables": {"person": {"dim": 4}}}
)
_DRAW = np.random.default_rng(3)
_LABELS = _DRAW.random(600) < 0.4
ROWS = [
    {
        "label": [float(label)],
        "user": [f"u{number % 40}"],
        "good": [float(np.clip(0.3 + 0.3 * label + 0.2 * noise, 0.01, 0.99))],
        "bad": [float(np.clip(0.4 + 0.2 * noise, 0.01, 0.99))],
    }
    for number, (label, noise) in enumerate(
        zip(_LABELS.tolist(), _DRAW.normal(size=600).tolist(), strict=True)
    )
]


@pytest.fixture
def examples(tmp_path: Path, write_examples) -> Any:
    """Examples in spans, of which split eval is judged on."""
    made = standard_artifacts.Examples()
    made.uri = str(tmp_path / "examples")
    made.split_names = artifact_utils.encode_split_names(["train", "eval"])
    write_examples(tmp_path / "examples" / "Split-eval", ROWS)
    return made


@pytest.fixture
def model(tmp_path: Path, export) -> Callable[..., Any]:
    """Makes a Model artifact that scores with a column."""

    def make(column: str, **told: Any) -> Any:
        made = standard_artifacts.Model()
        made.uri = str(tmp_path / f"model-{column}")
        export(Path(path_utils.serving_model_dir(made.uri)), column, **told)
        return made

    return make


@pytest.fixture
def compare(tmp_path: Path, examples) -> Callable[..., Comparison]:
    """Runs the executor; tells the artifact's properties too."""

    def run(model: Any, **optional: Any) -> tuple[Comparison, Any]:
        comparison = ModelComparison()
        comparison.uri = str(tmp_path / "comparison")
        inputs = {"examples": [examples], "model": [model]}
        inputs |= {name: [one] for name, one in optional.items()}
        evaluation = Evaluation(min_auc=0.5, group_by="user", bootstrap=50)
        Executor().Do(
            inputs,
            {"comparison": [comparison]},
            {
                "serving_dir": str(tmp_path / "serving"),
                "evaluation": evaluation.model_dump_json(),
                "target": Target(label="label").model_dump_json(),
                "feature_set": FEATURES.model_dump_json(),
                "code_version": "",
            },
        )
        return load_comparison(comparison.uri), comparison

    return run


@pytest.fixture
def serve(tmp_path: Path) -> Callable[..., int]:
    """Publishes a model."""

    def publish(model: Any) -> int:
        folder = path_utils.serving_model_path(model.uri)
        record = Record(origin={"spans": "2026-01"})
        serving = str(tmp_path / "serving")
        return publish_model(folder, serving, Publishing(), record).version

    return publish


def auc(column: str) -> float:
    scores = np.array([row[column][0] for row in ROWS], np.float32)
    return float(roc_auc_score(_LABELS, scores))


def test_first_candidate_is_judged_alone(compare, model, tmp_path: Path) -> None:
    found, artifact = compare(model("good"))

    assert [*found.models] == [CANDIDATE]
    assert found.judged_on == "split `eval`"
    (everything,) = found.slices
    assert everything.metrics[CANDIDATE]["auc"].value == pytest.approx(auc("good"))
    assert [(gate.gate, gate.passes) for gate in found.gates] == [("in_service", True)]
    assert artifact.get_int_custom_property("passes") == 1
    assert artifact.get_string_custom_property("closed") == ""
    assert artifact.get_string_custom_property("judged_on") == "split `eval`"
    recorded = artifact.get_float_custom_property("auc")
    assert recorded == pytest.approx(auc("good"))
    text = (tmp_path / "comparison" / "comparison.txt").read_text()
    assert f"AUC                 {auc('good'):.4f} (" in text


def test_better_candidate_passes_and_worse_is_refused(compare, model, serve) -> None:
    good, bad = model("good"), model("bad")
    version = serve(good)

    found, artifact = compare(bad)

    everything = found.slices[0]
    for name, column in ((CANDIDATE, "bad"), (IN_SERVICE, "good")):
        value = everything.metrics[name]["auc"].value
        assert value == pytest.approx(auc(column))
    assert found.models[IN_SERVICE].version == str(version)
    assert found.models[IN_SERVICE].spans == "2026-01"
    closed = [gate.gate for gate in found.closed]
    assert "regression.auc" in closed
    assert "regression.grouped_auc" in closed
    assert artifact.get_int_custom_property("passes") == 0
    assert artifact.get_string_custom_property("closed") == ",".join(closed)
    assert artifact.get_string_custom_property("in_service") == str(version)

    again, _ = compare(good)
    assert again.closed == []


def test_model_in_service_that_cannot_read_the_examples_is_said(
    compare, model, serve, caplog: pytest.LogCaptureFixture
) -> None:
    serve(model("removed"))

    found, _ = compare(model("good"))

    assert [*found.models] == [CANDIDATE]
    (gate,) = found.closed
    assert gate.gate == "in_service"
    assert "Feature: removed" in gate.why
    assert "publish once with --force" in gate.why
    assert "in_service is left out" in caplog.text


def test_candidate_that_cannot_read_the_examples_is_an_error(compare, model) -> None:
    with pytest.raises(NotScoredError, match="Feature: removed"):
        compare(model("removed"))


def test_fewer_examples_than_were_written_are_an_error(
    compare, model, examples
) -> None:
    examples.set_int_custom_property("examples_eval", 601)

    with pytest.raises(ValueError, match="600 examples in its files, and 601"):
        compare(model("good"))


def test_run_in_spans_is_judged_by_its_data_and_beside_its_baseline(
    compare, model, serve, examples, tmp_path: Path
) -> None:
    serve(model("bad", tokens=[f"u{k}" for k in range(30)]))
    spans = [plans.PlannedSpan(span=f"2026-0{n}", digest=f"{n}") for n in (2, 3)]
    profiles = [
        SpanProfile(examples=4_000, content="x", label_mean=mean) for mean in (0.4, 0.9)
    ]
    parts = [
        SpanPart(planned=span, split=split, files=(), examples=4_000, profile=profile)
        for span, split, profile in zip(spans, ("train", "eval"), profiles, strict=True)
    ]
    SpanFiles(parts=tuple(parts)).save(examples.uri)
    plan, vocabularies = SpanPlan(), LivingVocabulary()
    plan.uri, vocabularies.uri = str(tmp_path / "plan"), str(tmp_path / "words")
    base = plans.Base(
        checkpoint="", vocabularies="", transform_graph="", steps=7, spans=("2026-01",)
    )
    plans.SpanPlan(
        train=spans[:1],
        new=("2026-02",),
        evaluate=spans[1],
        base=base,
        baseline=model("bad").uri,
    ).save(plan.uri)
    Path(vocabularies.uri).mkdir()
    state = {
        "row": [0, 1, 2],
        "token": pa.array([b"u0", b"u1", b"u2"], pa.binary()),
        "count": [9.0, 1.0, 3.0],
    }
    pq.write_table(pa.table(state), f"{vocabularies.uri}/person.tokens.parquet")

    found, artifact = compare(
        model("good", tokens=[f"u{k}" for k in range(40)]),
        plan=plan,
        vocabularies=vocabularies,
    )

    assert found.judged_on == "span 2026-03"
    assert [*found.models] == [CANDIDATE, IN_SERVICE, BASELINE]
    assert found.models[CANDIDATE].spans == "2026-01, 2026-02"
    sizes = {one.name: one.examples for one in found.slices}
    assert sizes == {"all": 600, "user: new ids": 150, "user: rare ids": 30}
    shares = found.out_of_vocabulary["user"]
    assert shares[CANDIDATE] == 0.0
    assert shares[IN_SERVICE] == pytest.approx(0.25)
    closed = [gate.gate for gate in found.closed]
    assert closed == ["data.repeated", "data.label", "suspicious_auc"]
    assert artifact.get_string_custom_property("spans") == "2026-02"
