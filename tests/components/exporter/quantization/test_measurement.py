"""A model is measured on a split, in a process without this project."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import tensorflow as tf

from shardline.components.exporter.quantization import program
from shardline.components.exporter.quantization.measurement import (
    MeasurementError,
    measure,
)
from shardline.configs.schema import Target

TARGET = Target(label="label", example_weight="counts")


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


def test_model_is_measured_in_a_process_without_this_project(
    export: Callable[..., str],
    write_columns: Callable[..., str],
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
    file = write_columns(label=[1.0, 0.0, 1.0, 0.0], counts=[1.0] * 4)

    measurement = measure(export(0.5), [file], TARGET)

    assert measurement.examples == 4
    assert measurement.normalized_entropy == pytest.approx(1)
    assert set(measurement.latency_ms) == {"1", "256"}
    imported = set((tmp_path / "names").read_text().split())
    assert "tensorflow" in imported
    assert "shardline" not in imported
    assert not imported & {"tfx", "tensorflow_transform", "apache_beam", "keras_rs"}


def test_model_that_does_not_load_is_told_with_the_process_last_lines(
    write_columns: Callable[..., str], tmp_path: Path
) -> None:
    file = write_columns(label=[1.0, 0.0], counts=[1.0, 1.0])

    with pytest.raises(
        MeasurementError,
        match=r"cannot be measured: .* exit code 1.\n(.*\n)*.*does not exist",
    ):
        list(measure(str(tmp_path / "none"), [file], TARGET))


def test_model_of_scores_that_are_not_finite_is_refused(
    export: Callable[..., str],
    write_columns: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        "shardline.components.exporter.quantization.measurement._outcomes",
        program.outcomes,
    )
    file = write_columns(label=[1.0, 0.0], counts=[1.0, 1.0])

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
