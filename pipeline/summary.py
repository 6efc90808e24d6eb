"""The facts that a finished run shows, and the last checks on its outputs."""

from pathlib import Path

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
        RunError: if the model was not blessed or the published model is not there.
    """
    checkpoint = record.artifacts("Trainer")["checkpoint"]
    learnt = properties(checkpoint)
    model = record.artifacts("Exporter")["model"]
    parity = properties(model)
    pushed = properties(record.artifacts("Pusher")["pushed_model"])
    if not pushed["pushed"]:
        raise RunError(
            f"The model was not published: AUC {learnt['auc']:.4f} on the evaluation "
            f"split, at least {run.evaluation.min_auc} is asked for "
            f"(evaluation.min_auc). It lies in {model.uri}."
        )
    if not Path(pushed["pushed_destination"], "saved_model.pb").exists():
        raise RunError(
            f"The published model {pushed['pushed_destination']} has been removed, and "
            "the run that made it was reused. Run again with --no-cache."
        )
    return {
        "AUC": f"{learnt['auc']:.4f}  (published from {run.evaluation.min_auc} on)",
        "Normalized entropy": f"{learnt['normalized_entropy']:.4f}",
        "Calibration": f"{learnt['calibration']:.4f}",
        "Training steps": f"{learnt['steps']:.0f} on {learnt['hosts']:.0f} hosts",
        "Served = trained": (
            f"{parity['parity_examples']:.0f} examples, largest difference "
            f"{parity['max_difference']:.1e}"
        ),
        "Data anomalies": _anomalies(record),
        "Published model": pushed["pushed_destination"],
        "Checkpoint": checkpoint.uri,
        "TensorBoard": record.artifacts("Trainer")["model_run"].uri,
        "Everything": str(layout.root),
    }


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
