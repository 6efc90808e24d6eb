"""What runs in spans left behind: a result for each model that was judged."""

import dataclasses

from shardline.components.contracts.spans.comparison import (
    BASELINE,
    CANDIDATE,
    Comparison,
    load_comparison,
)
from shardline.components.contracts.spans.plan import Base, Trained
from shardline.components.contracts.spans.state import load_state
from shardline.configs.schema import Run
from shardline.pipeline.metadata.records import RecordedArtifact, executions_of
from shardline.pipeline.metadata.store import sqlite_connection
from shardline.pipeline.names import pipeline_name
from shardline.pipeline.run_folder import RunFolder

METRICS = ("auc", "normalized_entropy")
_Metrics = dict[str, float]


class NoSpansError(RuntimeError):
    """A run folder in which no run in spans has come to its end."""


@dataclasses.dataclass(frozen=True)
class SpanResult:
    """One run in spans, and how its model did on the span that it was judged on.

    Attributes:
        trained: the spans that it trained on, as lineage names them.
        judged_on: the span after them.
        version: that was published; "" for none.
        base: the checkpoint, vocabularies and graph that it left.
        steps: training steps of this run alone.
        metrics: of the candidate, by name.
        baseline: of the model that was never updated; of the first run its own.
        unknown: by feature, the share of lookups that the candidate does not know.
        unknown_to_baseline: likewise of the model that was never updated.
        examples: the transformed ones.
    """

    trained: str
    judged_on: str
    version: str
    base: Base
    steps: int
    metrics: _Metrics
    baseline: _Metrics
    unknown: dict[str, float]
    unknown_to_baseline: dict[str, float]
    examples: RecordedArtifact


def span_results(run: Run, run_folder: RunFolder) -> list[SpanResult]:
    """Returns the results of all runs whose models were published, oldest first.

    Args:
        run: the configuration.
        run_folder: where they ran.

    Raises:
        NoSpansError: if there is none.
        StateError: if the state of another run is there, or it is damaged.
    """
    state = load_state(str(run_folder.serving), run.name)
    ended = [one for one in state.runs if one.version and one.base]
    if not ended:
        raise NoSpansError(
            f"{run_folder.root} holds no published model of a run in spans. Make one "
            f"first: shardline run CONFIG --output-dir {run_folder.root}"
        )
    examples = _newest(run, run_folder, "FeatureTransform", "transformed_examples")
    comparisons = _newest(run, run_folder, "ModelComparator", "comparison")
    results, steps = [], 0
    for trained in ended:
        spans = trained.plan.spans
        comparison = load_comparison(comparisons[spans].uri)
        results.append(result_of(trained, steps, comparison, examples[spans]))
        steps = results[-1].base.steps
    return results


def _newest(
    run: Run, run_folder: RunFolder, component: str, output: str
) -> dict[str, RecordedArtifact]:
    """Returns by spans, as lineage names them, the newest output of a component."""
    connection = sqlite_connection(run_folder.metadata)
    executions = executions_of(connection, pipeline_name(run.name), component)
    written = [one.outputs[output] for one in executions if one.has_ended]
    return {artifact.properties.get("spans", ""): artifact for artifact in written}


def result_of(
    trained: Trained, steps: int, comparison: Comparison, examples: RecordedArtifact
) -> SpanResult:
    """Puts together what is known of a run.

    Args:
        trained: the run, as the state has it; its model was published.
        steps: training steps before it.
        comparison: of its model.
        examples: the transformed ones.
    """
    assert trained.base
    # The first model is the one that is never updated.
    baseline = BASELINE if BASELINE in comparison.models else CANDIDATE
    return SpanResult(
        trained=trained.plan.spans,
        judged_on=str(trained.plan.evaluate),
        version=trained.version,
        base=trained.base,
        steps=trained.base.steps - steps,
        metrics=_metrics(comparison, CANDIDATE),
        baseline=_metrics(comparison, baseline),
        unknown=_unknown(comparison, CANDIDATE),
        unknown_to_baseline=_unknown(comparison, baseline),
        examples=examples,
    )


def _metrics(comparison: Comparison, model: str) -> _Metrics:
    measured = comparison.slices[0].metrics[model]
    values = {name: measured[name].value for name in METRICS}
    return {name: value for name, value in values.items() if value is not None}


def _unknown(comparison: Comparison, model: str) -> dict[str, float]:
    shares = comparison.out_of_vocabulary
    return {feature: of[model] for feature, of in shares.items() if model in of}
