"""Measures an exported model on the evaluation split, and tries its tables' precisions.

Run as a file, `python -I program.py`, in a process that has TensorFlow and numpy only.
Reads a request, one JSON object, from its input:

    model           folder of a SavedModel, with float32 tables if precisions are tried
    split           the file of `exporter.quantization.evaluation_split`
    rounding        the file of `embedding.serving.tables`
    metrics         the file of `evaluation.binary`
    files           gzipped TFRecords of raw examples
    label           their column of labels
    example_weight  their column of weights, or null
    fixed           {table: precision}, put into the model before anything is tried
    candidates      {table: [precision, ...]}: tables, and what to try, in this order
    max_increase    of normalized entropy, relative to the model as it was loaded

The three modules are loaded by their paths. Prints JSON objects, one a line:
{"trial": ...} once a precision was tried, and in the end {"measurement": ...} or
{"refused": reason}.

A precision is tried by putting the values that it can hold, as float32, into the loaded
model's table, and scoring the whole split again. The model, and once more the rows of
the table that is being tried, is all that is held in memory.
"""

from __future__ import annotations

import importlib.util
import json
import math
import sys
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import tensorflow as tf

if TYPE_CHECKING:
    from shardline.components.exporter.quantization.evaluation_split import (
        EvaluationSplit,
    )

_CHUNK_ROWS = 65_536
_ALIGNMENT_BYTES = 64
_WARM_UP_REQUESTS = 10
# Examples in a request: how many requests are timed.
_TIMED_REQUESTS = {1: 300, 256: 100}


class Trial(NamedTuple):
    """One precision of one table, all that was kept before it in place.

    Attributes:
        table: the table's name.
        precision: how it was held.
        increase: of the model's normalized entropy, relative to float32 tables.
        kept: whether that is allowed.
    """

    table: str
    precision: Literal["float32", "float16", "int8"]
    increase: float
    kept: bool


class TrialModel:
    """A SavedModel whose float32 tables can be rounded to a precision for a trial."""

    def __init__(self, folder: str, rounding: Any):
        """Loads the model.

        Args:
            folder: the folder of the SavedModel.
            rounding: the module `embedding.serving.tables`.
        """
        started_s = time.perf_counter()
        self._model = tf.saved_model.load(folder)
        self.load_s = time.perf_counter() - started_s
        self._rounding = rounding

    def answer(self, examples: tf.Tensor) -> np.ndarray:
        """Returns the scores of serialized examples: float32 [examples]."""
        signature = self._model.signatures["serving_default"]
        scores: np.ndarray = signature(examples=examples)["scores"].numpy()
        return scores

    def entropy(self, split: EvaluationSplit) -> float:
        """Returns the normalized entropy over the whole split."""
        return split.entropy(np.concatenate([*map(self.answer, split.batches())]))

    def rows(self, table: str) -> tf.Tensor:
        """Returns a table's rows, which share its memory: float32 [rows, dim]."""
        return self._variable(table).read_value()

    def put(self, table: str, rows: tf.Tensor) -> None:
        """Sets a table's rows: float32 [rows, dim]."""
        # As a whole: after an update of some rows, every lookup would copy the table.
        self._variable(table).assign(rows)

    def hold(self, table: str, rows: tf.Tensor, precision: str) -> bool:
        """Sets what a precision holds of rows; returns whether it can hold them.

        Args:
            table: the table's name.
            rows: float32 [rows, dim].
            precision: "float16" or "int8".
        """
        # Lets go of what was tried before.
        self.put(table, rows)
        rounded = _aligned(tuple(rows.shape))
        for first in range(0, len(rounded), _CHUNK_ROWS):
            chunk = slice(first, first + _CHUNK_ROWS)
            with np.errstate(over="ignore", invalid="ignore"):
                parts = self._rounding.encoded(precision, rows[chunk].numpy())
            rounded[chunk] = self._rounding.decoded(precision, parts)
            if not np.isfinite(rounded[chunk]).all():
                return False
        # A tensor in the array's memory; `tf.constant` takes that of two more.
        self.put(table, tf.experimental.dlpack.from_dlpack(rounded.__dlpack__()))
        return True

    def _variable(self, table: str) -> tf.Variable:
        return self._model.tables[table].parts["rows"]


def _aligned(shape: tuple[int, ...]) -> np.ndarray:
    """Returns an array that begins where TensorFlow lets a tensor begin."""
    size = math.prod(shape) * np.dtype(np.float32).itemsize
    memory = np.empty(size + _ALIGNMENT_BYTES, np.uint8)
    start = -memory.ctypes.data % _ALIGNMENT_BYTES
    return memory[start : start + size].view(np.float32).reshape(shape)


def percentiles_ms(
    answer: Callable[[tf.Tensor], Any], examples: tf.Tensor, requests: int
) -> dict[str, float]:
    """Returns the p50, p90 and p99 of a request's time in milliseconds.

    Args:
        answer: answers a request.
        examples: the request, string [examples].
        requests: how many are timed, after some that are not.
    """
    times_s = []
    for _ in range(_WARM_UP_REQUESTS + requests):
        started_s = time.perf_counter()
        answer(examples)
        times_s.append(time.perf_counter() - started_s)
    values = np.percentile(times_s[_WARM_UP_REQUESTS:], [50, 90, 99]) * 1000
    return dict(zip(("p50", "p90", "p99"), values.tolist(), strict=True))


def measure(request: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Does what a request asks for, see the module's description.

    Args:
        request: as read from the input.

    Yields:
        What is to be printed.

    Raises:
        ValueError: if the split or the model cannot be measured.
    """
    split: EvaluationSplit = _module(request["split"]).EvaluationSplit(
        request["files"],
        request["label"],
        request["example_weight"],
        _module(request["metrics"]),
    )
    model = TrialModel(request["model"], _module(request["rounding"]))
    first = next(split.batches()).numpy()
    latency_ms = {
        str(size): percentiles_ms(
            model.answer, tf.constant(np.resize(first, size)), count
        )
        for size, count in _TIMED_REQUESTS.items()
    }
    entropy = model.entropy(split)
    if not math.isfinite(entropy):
        raise ValueError(
            f"The model in {request['model']} scores examples of the evaluation split "
            "with values that are not finite. Its training went wrong; train anew."
        )
    for trial in _trials(model, split, entropy, request):
        yield {"trial": trial._asdict()}
    yield {
        "measurement": {
            "examples": len(split),
            "normalized_entropy": entropy,
            "load_s": model.load_s,
            "latency_ms": latency_ms,
        }
    }


def _trials(
    model: TrialModel,
    split: EvaluationSplit,
    entropy: float,
    request: Mapping[str, Any],
) -> Iterator[Trial]:
    for table, precision in request["fixed"].items():
        model.hold(table, model.rows(table), precision)
    for table, precisions in request["candidates"].items():
        rows, kept = model.rows(table), False
        for precision in precisions:
            is_held = model.hold(table, rows, precision)
            increase = model.entropy(split) / entropy - 1 if is_held else math.inf
            kept = increase <= request["max_increase"]
            yield Trial(table, precision, increase, kept)
            if kept:
                break
        if not kept:
            model.put(table, rows)


def _module(path: str) -> Any:
    spec = importlib.util.spec_from_file_location("loaded", path)
    if spec is None or spec.loader is None:
        raise ValueError(f"{path} is no Python file.")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def outcomes(request: Mapping[str, Any]) -> Generator[dict[str, Any], None, None]:
    """Yields what is to be printed; a refusal if the request cannot be met."""
    try:
        yield from measure(request)
    except ValueError as error:
        yield {"refused": str(error)}


if __name__ == "__main__":
    for outcome in outcomes(json.load(sys.stdin)):
        print(json.dumps(outcome), flush=True)
