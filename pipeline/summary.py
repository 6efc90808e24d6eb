"""The facts that a finished run shows, and the last checks on its outputs."""

from pathlib import Path

import tensorflow_model_analysis as tfma
from tensorflow_metadata.proto.v0 import anomalies_pb2

from configs.schema import Run
from pipeline.layout import Layout
from pipeline.outcome import RunError, RunRecord, properties


def summarize(run: Run, record: RunRecord, layout: Layout) -> dict[str, str]:
    """Returns what to show of a run whose components all came to their end.

    Args:
        run: the configuration.
        record: of the run.
        layout: where its outputs are.

    Raises:
        RunError: if the model was not good enough to be published.
    """
    checkpoint = record.artifacts("Trainer")["checkpoint"]
    learnt = properties(checkpoint)
    model = record.artifacts("Exporter")["model"]
    parity = properties(model)
    pushed = properties(record.artifacts("Pusher")["pushed_model"])
    auc = _served_auc(record)
    if not pushed["pushed"]:
        raise RunError(
            f"The model was not published: AUC {auc:.4f} on the evaluation split, at "
            f"least {run.evaluation.min_auc} is asked for (evaluation.min_auc). It "
            f"lies in {model.uri}."
        )
    return {
        "AUC": f"{auc:.4f}  (published from {run.evaluation.min_auc} on)",
        "Normalized entropy": f"{learnt['normalized_entropy']:.4f}",
        "Calibration": f"{learnt['calibration']:.4f}",
        "Training steps": f"{learnt['steps']:.0f} on {learnt['hosts']:.0f} hosts",
        "Served = trained": (
            f"{parity['parity_examples']:.0f} examples, largest difference "
            f"{parity['max_difference']}"
        ),
        "Data anomalies": _anomalies(record),
        "Published model": pushed["pushed_destination"],
        "Checkpoint": checkpoint.uri,
        "TensorBoard": record.artifacts("Trainer")["model_run"].uri,
        "Everything": str(layout.root),
    }


def _served_auc(record: RunRecord) -> float:
    """Returns the AUC that the evaluator judged the exported model by."""
    evaluation = record.artifacts("Evaluator")["evaluation"].uri
    metrics = tfma.load_eval_result(evaluation).get_metrics_for_slice()
    return float(metrics["auc"]["doubleValue"])


def _anomalies(record: RunRecord) -> str:
    """Returns what ExampleValidator found in any split."""
    folder = Path(record.artifacts("ExampleValidator")["anomalies"].uri)
    found = {
        f"{column}: {anomaly.short_description}"
        for file in sorted(folder.glob("Split-*/SchemaDiff.pb"))
        for column, anomaly in anomalies_pb2.Anomalies.FromString(
            file.read_bytes()
        ).anomaly_info.items()
    }
    return "; ".join(sorted(found)) or "none"
