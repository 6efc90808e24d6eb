"""What is measured of a model on a split, and in which process."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from sklearn.metrics import log_loss

from shardline.components.evaluation import binary
from shardline.components.exporter.quantization import measure as program
from shardline.components.exporter.quantization.measure import Split, percentiles_ms
from shardline.components.exporter.quantization.measurement import (
    MeasurementError,
    measure,
)
from shardline.configs.schema import Target

TARGET = Target(label="label", example_weight="counts")


@pytest.fixture
def write_split(
    write_records: Callable[..., str], tmp_path: Path
) -> Callable[..., str]:
    """Writes examples of float columns; None leaves a value out."""

    def write(**columns: list[float | None]) -> str:
        records = []
        for values in zip(*columns.values(), strict=True):
            example = tf.train.Example()
            for name, value in zip(columns, values, strict=True):
                if value is not None:
                    example.features.feature[name].float_list.value.append(value)
            records.append(example.SerializeToString())
        return write_records(tmp_path / "split.gz", records)

    return write


def test_entropy_is_what_the_trainer_reports(write_split: Callable[..., str]) -> None:
    labels, counts = [1.0, 0.0, 0.0, 1.0, 1.0], [1.0, 0.5, 2.0, 0.0, 3.0]
    scores = np.array([0.9, 0.2, 0.99, 0.5, 0.0], np.float32)
    metrics = binary.BinaryMetrics()
    metrics.add(np.array(labels), scores, np.array(counts))
    clipped = np.clip(scores.astype(np.float64), 1e-7, 1 - 1e-7)
    base = np.full(5, np.average(labels, weights=counts))
    loss, base_loss = (
        log_loss(labels, predicted, sample_weight=counts)
        for predicted in (clipped, base)
    )

    split = Split([write_split(label=labels, counts=counts)], "label", "counts", binary)

    assert len(split) == 5
    assert split.entropy(scores) == metrics.result().values["normalized_entropy"]
    assert split.entropy(scores) == pytest.approx(loss / base_loss, rel=1e-12)


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf])
def test_scores_that_are_not_finite_have_no_entropy(
    write_split: Callable[..., str], wrong: float
) -> None:
    split = Split([write_split(label=[1.0, 0.0])], "label", None, binary)

    assert split.entropy(np.array([0.5, wrong], np.float32)) == math.inf


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            {"label": [1.0, 0.0, math.nan], "counts": [1.0] * 3},
            r"`label` of the evaluation split: 1 of 3 values .* 1; the first is nan in "
            "example 2",
        ),
        (
            {"label": [1.0, None, None], "counts": [1.0] * 3},
            "2 of 3 .* first is nan in",
        ),
        ({"label": [1.0, 0.0, 2.0], "counts": [1.0] * 3}, "the first is 2.0 in"),
        ({"label": [1.0, 0.0], "counts": [1.0, -1.0]}, "`counts` .* 0 or more and fin"),
        ({"label": [1.0, 0.0], "counts": [1.0, math.inf]}, "the first is inf in"),
        ({"label": [1.0, 0.0], "counts": [1.0, None]}, "the first is nan in example 1"),
        (
            {"label": [1.0, 1.0], "counts": [1.0, 1.0]},
            r"undefined: all 2 evaluation examples have label 1\. Hold out",
        ),
        (
            {"label": [1.0, 0.0], "counts": [0.0, 1.0]},
            "of 2 evaluation examples only 1 has a weight above 0, and its label is 0",
        ),
        (
            {"label": [1.0, 0.0], "counts": [0.0, 0.0]},
            "the weight of all 2 evaluation examples is 0",
        ),
        ({"label": [], "counts": []}, "there are no evaluation examples"),
    ],
    ids=str,
)
def test_split_without_a_defined_entropy_is_refused(
    write_split: Callable[..., str], columns: dict[str, Any], message: str
) -> None:
    file = write_split(**columns)

    with pytest.raises(ValueError, match=message):
        Split([file], "label", "counts", binary)


def test_percentiles_leave_out_the_first_requests() -> None:
    asked = []

    measured = percentiles_ms(asked.append, tf.constant([b""]), requests=5)

    assert len(asked) > 5
    assert list(measured) == ["p50", "p90", "p99"]
    assert 0 < measured["p50"] <= measured["p90"] <= measured["p99"]


@pytest.fixture
def export(tmp_path: Path) -> Callable[..., str]:
    """Exports a model without tables that gives every example one score."""

    def save(score: float) -> str:
        @tf.function(
            input_signature=[tf.TensorSpec([None], tf.string, name="examples")]
        )
        def serve(examples: tf.Tensor) -> dict[str, tf.Tensor]:
            return {"scores": tf.fill(tf.shape(examples), score)}

        folder = str(tmp_path / "model")
        tf.saved_model.save(tf.Module(), folder, signatures={"serving_default": serve})
        return folder

    return save


def test_model_is_weighed_in_a_process_without_this_project(
    export: Callable[..., str],
    write_split: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    listing = tmp_path / "listing.py"
    listing.write_text(
        "import runpy, sys\n"
        f"runpy.run_path({program.__file__!r}, run_name='__main__')\n"
        "names = {name.partition('.')[0] for name in sys.modules}\n"
        f"open({str(tmp_path / 'names')!r}, 'w').write(' '.join(names))\n"
    )
    monkeypatch.setattr(
        "shardline.components.exporter.quantization.measurement._PROGRAM", listing
    )
    file = write_split(label=[1.0, 0.0, 1.0, 0.0], counts=[1.0] * 4)

    weight = measure(export(0.5), [file], TARGET)

    assert weight.examples == 4
    assert weight.normalized_entropy == pytest.approx(1)
    assert set(weight.latency_ms) == {"1", "256"}
    imported = set((tmp_path / "names").read_text().split())
    assert "tensorflow" in imported
    assert not imported & {"configs", "embedding", "components", "pipeline"}
    assert not imported & {"tfx", "tensorflow_transform", "apache_beam", "keras_rs"}


def test_model_that_does_not_load_is_told_with_the_process_last_lines(
    write_split: Callable[..., str], tmp_path: Path
) -> None:
    file = write_split(label=[1.0, 0.0], counts=[1.0, 1.0])

    with pytest.raises(
        MeasurementError,
        match=r"cannot be weighed: .* exit code 1.\n(.*\n)*.*does not exist",
    ):
        list(measure(str(tmp_path / "none"), [file], TARGET))


def test_model_of_scores_that_are_not_finite_is_refused(
    export: Callable[..., str],
    write_split: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        "shardline.components.exporter.quantization.measurement._lines",
        program.outcomes,
    )
    file = write_split(label=[1.0, 0.0], counts=[1.0, 1.0])

    with pytest.raises(MeasurementError, match="with values that are not finite"):
        measure(export(math.nan), [file], TARGET)


def test_process_is_stopped_once_it_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    endless = tmp_path / "endless.py"
    endless.write_text(
        "import time\n"
        'print(\'{"refused": "too large"}\', flush=True)\n'
        "time.sleep(600)\n"
    )
    monkeypatch.setattr(
        "shardline.components.exporter.quantization.measurement._PROGRAM", endless
    )

    with pytest.raises(MeasurementError, match="too large"):
        measure("model", [], TARGET)
