"""What a finished run shows, and the last check: whether the model was published."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

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
from shardline.pipeline.metadata.run_error import RunError
from shardline.pipeline.run_folder import RunFolder


def summarize(run: Run, record: RunRecord, run_folder: RunFolder) -> dict[str, str]:
    """Returns what to show of a run whose components all came to their end.

    Args:
        run: the configuration.
        record: the record of the run.
        run_folder: where its outputs are.

    Raises:
        RunError: if a gate kept the model from being published.
    """
    checkpoint = record.artifacts("Trainer")["checkpoint"]
    trained = checkpoint.properties
    validation = load_validation(record.artifacts("ServingValidator")["validation"].uri)
    model = record.artifacts("Exporter")["model"]
    pushed = record.artifacts("Pusher")["pushed_model"].properties
    judged = _judged(record)
    comparison = _comparison(run, record)
    if not pushed["pushed"]:
        closed = [*validation.closed, *(comparison.closed if comparison else [])]
        reasons = "\n".join(_reasons(run, judged, closed, pushed["blocked_by"]))
        raise RunError(
            f"The model was not published. It lies in {model.uri}.\n{reasons}\n"
            'To publish it all the same: shardline run ... --force "REASON"'
        )
    return {
        "AUC": _auc(run, judged),
        "Normalized entropy": _shown(judged, "normalized_entropy"),
        "Calibration": _shown(judged, "calibration"),
        "Training steps": f"{trained['steps']:.0f} on {trained['hosts']:.0f} hosts",
        **_served(model.uri, validation),
        **(comparison_rows(comparison) if comparison else {}),
        "Left out": _left_out(run, record),
        "Data anomalies": _anomalies(record),
        "Published model": _published(pushed),
        "Checkpoint": checkpoint.uri,
        "TensorBoard": record.artifacts("Trainer")["model_run"].uri,
        "Everything": str(run_folder.root),
    }


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


def _served(model_uri: str, validation: Validation) -> dict[str, str]:
    """Returns the sizes of the exported model, and how it answers."""
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
    return {name: value for name, value in shown.items() if value}


def _published(pushed: Any) -> str:
    forced = f"\nby force: {pushed['forced']}" if "forced" in pushed else ""
    if overridden := pushed.get("overridden"):
        forced += f"\nwhich overrides {overridden}"
    return f"{pushed['pushed_destination']}{forced}"


def _judged(record: RunRecord) -> Judged:
    """Returns what the evaluator judged the exported model by."""
    evaluation = record.artifacts("Evaluator")["evaluation"].uri
    result = tfma.load_eval_result(evaluation).get_metrics_for_slice()
    return judged_of(result)


def _left_out(run: Run, record: RunRecord) -> str:
    """Returns what was left out of the data, with reasons and first locations."""
    example_gen = "SpanExamples" if run.data.spans else "ReaderExampleGen"
    data_card = load_data_card(record.artifacts(example_gen)["examples"].uri)
    if data_card is None:
        return "not recorded"
    return "\n".join([data_card.left_out_line, *data_card.lines])


def _anomalies(record: RunRecord) -> str:
    """Returns what ExampleValidator found in any split."""
    folder = Path(record.artifacts("ExampleValidator")["anomalies"].uri)
    found = {
        f"{shown(column)}: {shown(anomaly.short_description)}"
        for file in sorted(folder.glob("Split-*/SchemaDiff.pb"))
        for column, anomaly in anomalies_pb2.Anomalies.FromString(
            file.read_bytes()
        ).anomaly_info.items()
    }
    return "; ".join(sorted(found)) or "none"
