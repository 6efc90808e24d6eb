"""Results of runs in spans, put together from what they left."""

from collections.abc import Callable
from pathlib import Path

import pytest
from ml_metadata.proto import metadata_store_pb2 as mlmd

from shardline.components.contracts.spans.comparison import (
    BASELINE,
    CANDIDATE,
    IN_SERVICE,
    ComparedModel,
    Comparison,
    Measured,
    SliceResult,
)
from shardline.components.contracts.spans.plan import (
    Base,
    PlannedSpan,
    SpanPlan,
    Trained,
)
from shardline.configs import load_run
from shardline.pipeline.commands.span_results import (
    NoSpansError,
    SpanResult,
    result_of,
    span_results,
)
from shardline.pipeline.metadata.records import RecordedArtifact
from shardline.pipeline.run_folder import RunFolder

AUCS = {CANDIDATE: 0.75, IN_SERVICE: 0.74, BASELINE: 0.70}
UNKNOWN = {CANDIDATE: 0.01, IN_SERVICE: 0.05, BASELINE: 0.1}


def result(*models: str) -> SpanResult:
    """Returns the result of a run whose candidate was compared with models."""
    metrics = {
        name: {
            "auc": Measured(value=AUCS[name]),
            "normalized_entropy": Measured(value=1 - AUCS[name]),
            "calibration": Measured(value=None, undefined="no positives"),
        }
        for name in models
    }
    comparison = Comparison(
        judged_on="span 1998-02",
        models={name: ComparedModel(uri=name) for name in models},
        slices=(SliceResult(name="all", examples=9, positives=3, metrics=metrics),),
        out_of_vocabulary={"movie_id": {name: UNKNOWN[name] for name in models}},
    )
    base = Base(
        checkpoint="checkpoint",
        vocabularies="vocabularies",
        transform_graph="graph",
        steps=70,
        spans=("1997-12", "1998-01"),
    )
    trained = Trained(
        plan=SpanPlan(
            train=(PlannedSpan(span="1998-01", digest="d"),),
            evaluate=PlannedSpan(span="1998-02", digest="e"),
        ),
        base=base,
        model="model",
        verdict="published",
        version="7",
    )
    examples = RecordedArtifact(mlmd.Artifact(id=3, uri="examples"))
    return result_of(trained, 40, comparison, examples)


def test_result_has_the_run_and_what_its_model_was_compared_with() -> None:
    found = result(CANDIDATE, IN_SERVICE, BASELINE)

    assert (found.trained, found.judged_on) == ("1998-01", "1998-02")
    assert (found.version, found.steps) == ("7", 30)
    assert found.metrics == {"auc": 0.75, "normalized_entropy": 0.25}
    assert found.baseline["auc"] == 0.70
    assert found.unknown == {"movie_id": 0.01}
    assert found.unknown_to_baseline == {"movie_id": 0.1}
    assert found.examples.uri == "examples"


def test_first_model_is_the_one_that_is_never_updated() -> None:
    found = result(CANDIDATE)

    assert found.baseline == found.metrics
    assert found.unknown_to_baseline == found.unknown


def test_folder_without_runs_is_an_error(
    small_config: Callable[..., Path], tmp_path: Path
) -> None:
    run = load_run(small_config())

    with pytest.raises(NoSpansError, match="no published model of a run in spans"):
        span_results(run, RunFolder(tmp_path))
