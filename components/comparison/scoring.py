"""Has served models score raw examples, one model in memory at a time."""

import gc
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from shardline.configs.shown import shown

_AT_ONCE = 1024
_MOST_LETTERS = 400
_SIGNATURE = "serving_default"


class NotScoredError(RuntimeError):
    """A model that cannot score the examples; the message says why."""


def scores_of(model_folder: str | Path, files: Sequence[str]) -> np.ndarray:
    """Returns what a model's own signature answers: float32 [examples].

    The model is gone from memory when this returns.

    Args:
        model_folder: the model folder, local.
        files: gzipped TFRecords of raw examples.

    Raises:
        NotScoredError: if it does not load, or does not score each of the examples.
    """
    try:
        return _answers(model_folder, files)
    except (tf.errors.OpError, OSError, KeyError, TypeError) as error:
        raise NotScoredError(f"{type(error).__name__}: {_in_words(error)}") from error
    finally:
        gc.collect()


def _in_words(error: Exception) -> str:
    """Returns what an error says, without where in a graph it came up."""
    lines = str(getattr(error, "message", None) or error).splitlines()
    said = [line for line in lines if line.strip() and not line.lstrip()[:2] == "[["]
    return shown(said[-1].strip(), _MOST_LETTERS) if said else ""


def _answers(model_folder: str | Path, files: Sequence[str]) -> np.ndarray:
    model = tf.saved_model.load(str(model_folder))
    signature = model.signatures[_SIGNATURE]
    parts = [np.empty(0, np.float32)]
    for examples in tf.data.TFRecordDataset(list(files), "GZIP").batch(_AT_ONCE):
        scores = signature(examples=examples)["scores"].numpy()
        if scores.shape != examples.shape:
            raise NotScoredError(
                f"`scores` has the shape {scores.shape} for {len(examples)} examples"
            )
        parts.append(scores)
    return np.concatenate(parts)
