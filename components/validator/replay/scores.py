"""Compares the scores of a model with those of the engine."""

import math
from pathlib import Path

import numpy as np

from shardline.components.contracts.parity_examples import EXAMPLES_FILE, SCORES_FILE
from shardline.components.contracts.parity_results import ScoreParity
from shardline.components.validator.replay.answers import NotServedError

_SHOWN = 10


def compare_scores(parity_folder: Path, scores: np.ndarray) -> ScoreParity:
    """Compares scores with the engine's.

    Args:
        parity_folder: where the engine's are.
        scores: the model's, float32 [examples].

    Raises:
        NotServedError: if there is not one score for each example.
    """
    expected = np.load(parity_folder / SCORES_FILE)
    if scores.shape != expected.shape:
        raise NotServedError(
            f"`scores` has the shape {scores.shape} for {len(expected)} examples; a "
            "model must give one score for each."
        )
    difference = np.abs(scores.astype(np.float64) - expected)
    difference = np.where(np.isfinite(difference), difference, math.inf)
    worst = int(difference.argmax())
    return ScoreParity(
        examples=len(expected),
        largest_difference=float(difference[worst]),
        worst_example=worst,
        engine=float(expected[worst]),
        model=float(scores[worst]),
    )


def readable_example(parity_folder: Path, position: int) -> str:
    """Returns the columns of a parity example, for people.

    Args:
        parity_folder: where the examples are.
        position: the position of the example.
    """
    # Takes seconds to import, and a model that is right needs it not.
    import tensorflow as tf

    dataset = tf.data.TFRecordDataset(str(parity_folder / EXAMPLES_FILE))
    (record,) = dataset.skip(position).take(1).as_numpy_iterator()
    columns = tf.train.Example.FromString(record).features.feature
    return ", ".join(f"{name} {_values(columns[name])}" for name in sorted(columns))


def _values(feature: object) -> list[object]:
    kind = feature.WhichOneof("kind")  # type: ignore[attr-defined]
    values = list(getattr(feature, kind).value)[:_SHOWN] if kind else []
    return [
        value.decode(errors="backslashreplace") if isinstance(value, bytes) else value
        for value in values
    ]
