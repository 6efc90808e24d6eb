"""Small results, models that score with a column, and examples of a split."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from shardline.components.contracts.model_folder import CARD_FILE
from shardline.components.contracts.spans.comparison import (
    CANDIDATE,
    IN_SERVICE,
    Interval,
    Measured,
    SliceResult,
)


@pytest.fixture
def result() -> Callable[..., SliceResult]:
    """Makes the result of all examples, of metrics of both models."""

    def make(**metrics: tuple[float | None, float | None, Any]) -> SliceResult:
        """Takes (candidate, in service, interval of the difference) by metric."""
        models: dict[str, dict[str, Measured]] = {CANDIDATE: {}, IN_SERVICE: {}}
        changes = {}
        usual = {
            "auc": (0.75, 0.75, (-0.01, 0.01)),
            "normalized_entropy": (0.9, 0.9, (-0.01, 0.01)),
            "calibration": (1.0, 1.0, (-0.01, 0.01)),
        }
        for name, (one, other, ends) in {**usual, **metrics}.items():
            for model, value in ((CANDIDATE, one), (IN_SERVICE, other)):
                undefined = "" if value is not None else "all labels are 1"
                models[model][name] = Measured(value=value, undefined=undefined)
            if one is None or other is None:
                continue
            span = Interval(low=ends[0], high=ends[1]) if ends else None
            changes[name] = Measured(value=one - other, interval=span)
            if name == "calibration":
                value = abs(one - 1) - abs(other - 1)
                changes["calibration_error"] = Measured(value=value, interval=span)
        return SliceResult(
            name="all",
            examples=1_234,
            positives=500.0,
            metrics=models,
            differences={IN_SERVICE: changes},
        )

    return make


@pytest.fixture(scope="session")
def export() -> Callable[..., Path]:
    """Exports a model that scores with a float column, times a factor."""

    def save(
        folder: Path,
        column: str = "chance",
        factor: float = 1.0,
        tokens: Sequence[str] = (),
    ) -> Path:
        spec = {column: tf.io.FixedLenFeature([], tf.float32)}

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "examples")])
        def serve(examples: tf.Tensor) -> dict[str, tf.Tensor]:
            return {"scores": factor * tf.io.parse_example(examples, spec)[column]}

        signatures = {"serving_default": serve}
        tf.saved_model.save(tf.Module(), str(folder), signatures=signatures)
        (folder / "assets" / "person").write_text("".join(f"{t}\n" for t in tokens))
        (folder / CARD_FILE).parent.mkdir(exist_ok=True)
        card = '{"vocabularies": {"person": {"asset": "assets/person"}}}'
        (folder / CARD_FILE).write_text(card)
        return folder

    return save


@pytest.fixture
def write_examples() -> Callable[..., list[str]]:
    """Writes rows as gzipped records, in two files; floats, ints or text by value."""

    def write(folder: Path, rows: Sequence[dict[str, list[Any]]]) -> list[str]:
        folder.mkdir(parents=True, exist_ok=True)
        half = len(rows) // 2
        files = []
        for number, some in enumerate((rows[:half], rows[half:])):
            files.append(str(folder / f"{number}.gz"))
            with tf.io.TFRecordWriter(files[-1], "GZIP") as writer:
                for row in some:
                    writer.write(_example(row))
        return files

    return write


def _example(row: dict[str, list[Any]]) -> bytes:
    example = tf.train.Example()
    for name, values in row.items():
        feature = example.features.feature[name]
        if not values:
            continue
        if isinstance(values[0], float):
            feature.float_list.value.extend(values)
        elif isinstance(values[0], int):
            feature.int64_list.value.extend(values)
        else:
            feature.bytes_list.value.extend(value.encode() for value in values)
    return example.SerializeToString()
