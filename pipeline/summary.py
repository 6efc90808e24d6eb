"""What a finished run shows, and the last check: whether the model was published."""

import json
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import tensorflow_model_analysis as tfma
from tensorflow_metadata.proto.v0 import anomalies_pb2
from tfx.utils import path_utils

from shardline.components.comparison.shown import comparison_rows
from shardline.components.contracts.data_card import load_data_card
from shardline.components.contracts.model_folder import CARD_FILE
from shardline.components.contracts.spans.comparison import Comparison, load_comparison
from shardline.components.contracts.validation import (
    Gate,
    Validation,
    load_validation,
)
from shardline.components.evaluation.binary import Judged
from shardline.components.evaluation.tfma_metrics import judged_of
from shardline.configs.schema import Run
from shardline.configs.shown import shown
from shardline.pipeline.metadata.records import RunRecord
from shardline.pipeline.metadata.run_error import RefusedError
from shardline.pipeline.run_folder import RunFolder


def summarize(
    run: Run,
    record: RunRecord,
    run_folder: RunFolder,
    components: Collection[str] | None = None,
) -> dict[str, str]:
    """Returns what to show of a run whose components all came to their end.

    Args:
        run: the configuration.
        record: the record of the run, with the outputs that a part of it was given.
        run_folder: where its outputs are.
        components: those that ran; None: all.

    Raises:
        RefusedError: if a gate kept the model from being published, and the run came to
            the end of the pipeline. In spans that is where it is recorded.
    """
    closing = "SpanRecorder" if run.data.spans else "Pusher"
    if components is None or closing in components:
        _check_published(run, record)
    shown: dict[str, str] = {}
    for component, rows in _ROWS:
        if components is None or component in components:
            shown |= rows(run, record)
    if components is not None:
        shown["Outputs"] = "\n".join(
            f"{component}: {artifact.uri.removeprefix(f'{run_folder.root}/')}"
            for component in components
            for artifact in record.artifacts(component).values()
        )
    shown["Everything"] = str(run_folder.root)
    return {name: value for name, value in shown.items() if value}


def _check_published(run: Run, record: RunRecord) -> None:
    """Raises the error of a model that a gate kept from being published."""
    pushed = record.artifacts("Pusher")["pushed_model"].properties
    if pushed["pushed"]:
        return
    closed = _validation(record).closed
    if comparison := _comparison(run, record):
        closed = [*closed, *comparison.closed]
    reasons = _reasons(run, _judged(record), closed, pushed["blocked_by"])
    lines = "\n".join(reasons)
    raise RefusedError(
        "The model was not published. It lies in "
        f"{record.artifacts('Exporter')['model'].uri}.\n{lines}\n"
        'To publish it all the same: shardline run ... --force "REASON"'
    )


def _scores(run: Run, record: RunRecord) -> dict[str, str]:
    judged = _judged(record)
    return {
        "AUC": _auc(run, judged),
        "Normalized entropy": _shown(judged, "normalized_entropy"),
        "Calibration": _shown(judged, "calibration"),
    }


def _steps(run: Run, record: RunRecord) -> dict[str, str]:
    trained = record.artifacts("Trainer")["checkpoint"].properties
    told = f"{trained['steps']:.0f} on {trained['hosts']:.0f} hosts"
    return {"Training steps": told}


def _training(run: Run, record: RunRecord) -> dict[str, str]:
    trained = record.artifacts("Trainer")
    return {
        "Checkpoint": trained["checkpoint"].uri,
        "TensorBoard": trained["model_run"].uri,
    }


def _compared(run: Run, record: RunRecord) -> dict[str, str]:
    comparison = _comparison(run, record)
    return comparison_rows(comparison) if comparison else {}


def _validation(record: RunRecord) -> Validation:
    return load_validation(record.artifacts("ServingValidator")["validation"].uri)


def _comparison(run: Run, record: RunRecord) -> Comparison | None:
    """Returns how the model does beside others; None if it was not compared."""
    if run.data.spans is None and run.evaluation.regression is None:
        return None
    return load_comparison(record.artifacts("ModelComparator")["comparison"].uri)


def _reasons(
    run: Run, judged: Judged, closed_gates: Sequence[Gate], blocked_by: str
) -> list[str]:
    """Returns why each closed gate is closed."""
    closed = {gate.gate: gate.why for gate in closed_gates}
    floor = run.evaluation.min_auc
    closed["evaluation"] = (
        f"AUC {_shown(judged, 'auc')} on the evaluation split, at least {floor} is "
        "asked for (evaluation.min_auc)."
    )
    if "auc" in judged.undefined:
        asked = f"at least {floor} is asked for" if floor else "no number can be judged"
        closed["evaluation"] = (
            f"AUC is {_shown(judged, 'auc')}; {asked} (evaluation.min_auc)."
        )
    return [f"{gate}: {closed[gate]}" for gate in blocked_by.split(",")]


def _auc(run: Run, judged: Judged) -> str:
    floor = run.evaluation.min_auc
    why = f"published from {floor} on"
    if "auc" in judged.undefined:
        why = f"published all the same, for evaluation.min_auc is {floor}"
        if floor:
            why = "published by force"
    return f"{_shown(judged, 'auc')}  ({why})"


def _shown(judged: Judged, name: str) -> str:
    if name in judged.undefined:
        return f"undefined: {judged.undefined[name]}"
    return f"{judged.values[name]:.4f}"


def _served(run: Run, record: RunRecord) -> dict[str, str]:
    """Returns the sizes of the exported model, and how it answers."""
    validation = _validation(record)
    model_uri = record.artifacts("Exporter")["model"].uri
    folder = Path(path_utils.serving_model_path(model_uri))
    card = json.loads((folder / CARD_FILE).read_text())
    shown = {
        "Served model": f"{validation.bytes:,} bytes",
        "Tables": "\n".join(
            f"{name}: {table['form']}, {table['bytes']:,} bytes"
            for name, table in card["tables"].items()
        ),
    }
    if scores := validation.scores:
        shown["Served = trained"] = (
            f"{scores.examples} examples, largest difference "
            f"{scores.largest_difference:.1e}"
        )
    shown["Lookups = trained"] = "\n".join(
        f"{name}: {table.examples} examples, off by "
        f"{table.largest_difference:.1e}, {table.refused} refused"
        for name, table in validation.parity.items()
    )
    shown["Latency"] = "\n".join(
        f"{size} {'example' if size == 1 else 'examples'}: p50 {times.p50:.2f}, "
        f"p90 {times.p90:.2f}, p99 {times.p99:.2f} ms"
        for size, times in validation.latency_ms.items()
    )
    shown["Gates"] = ", ".join(
        f"{gate.gate} {'passes' if gate.passes else 'CLOSED'}"
        for gate in validation.gates
    )
    return shown


def _published(run: Run, record: RunRecord) -> dict[str, str]:
    pushed = record.artifacts("Pusher")["pushed_model"].properties
    if not pushed["pushed"]:
        return {"Not published": f"closed: {pushed['blocked_by']}"}
    forced = f"\nby force: {pushed['forced']}" if "forced" in pushed else ""
    if overridden := pushed.get("overridden"):
        forced += f"\nwhich overrides {overridden}"
    return {"Published model": f"{pushed['pushed_destination']}{forced}"}


def _judged(record: RunRecord) -> Judged:
    """Returns what the evaluator judged the exported model by."""
    evaluation = record.artifacts("Evaluator")["evaluation"].uri
    result = tfma.load_eval_result(evaluation).get_metrics_for_slice()
    return judged_of(result)


def _left_out(run: Run, record: RunRecord) -> dict[str, str]:
    """Returns what was left out of the data, with reasons and first locations."""
    example_gen = "SpanExamples" if run.data.spans else "ReaderExampleGen"
    data_card = load_data_card(record.artifacts(example_gen)["examples"].uri)
    if data_card is None:
        return {"Left out": "not recorded"}
    return {"Left out": "\n".join([data_card.left_out_line, *data_card.lines])}


def _anomalies(run: Run, record: RunRecord) -> dict[str, str]:
    """Returns what ExampleValidator found in any split."""
    folder = Path(record.artifacts("ExampleValidator")["anomalies"].uri)
    found = {
        f"{shown(column)}: {shown(anomaly.short_description)}"
        for file in sorted(folder.glob("Split-*/SchemaDiff.pb"))
        for column, anomaly in anomalies_pb2.Anomalies.FromString(
            file.read_bytes()
        ).anomaly_info.items()
    }
    return {"Data anomalies": "; ".join(sorted(found)) or "none"}


# In the order in which they are shown, by the component that makes what they tell.
_ROWS: Sequence[tuple[str, Callable[[Run, RunRecord], dict[str, str]]]] = (
    ("Evaluator", _scores),
    ("Trainer", _steps),
    ("ServingValidator", _served),
    ("ModelComparator", _compared),
    ("ReaderExampleGen", _left_out),
    ("SpanExamples", _left_out),
    ("ExampleValidator", _anomalies),
    ("Pusher", _published),
    ("Trainer", _training),
)
