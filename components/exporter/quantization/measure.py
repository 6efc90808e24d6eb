"""Measures an exported model on the evaluation split, and tries its tables' precisions.

Run as a file, `python -I measure.py`, in a process of its own that has TensorFlow and
numpy only. Reads a request, one JSON object, from its input:

    model           folder of a SavedModel, with float32 tables if precisions are tried
    arithmetic      the file of `embedding.serving.tables`, which is loaded by its path
    metrics         the file of `components.evaluation.binary`, likewise
    files           gzipped TFRecords of raw examples
    label           their column of labels
    example_weight  their column of weights, or null
    given           {table: precision}, put into the model before anything is tried
    candidates      {table: [precision, ...]}: tables, and what to try, in this order
    max_increase    of normalized entropy, relative to the model as it was loaded

Prints JSON objects, one a line: {"trial": ...} once a precision was tried, and in the
end {"weight": ...} or {"refused": reason}.

A precision is tried by putting the values that it can hold, as float32, into the loaded
model's table, and scoring the whole split again. The model, and once more the rows of
the table that is being tried, is all that is held in memory.
"""

import importlib.util
import json
import math
import sys
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import tensorflow as tf

_BATCH_SIZE = 1024
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


class Split:
    """The evaluation split: what a model is asked, and what came of it."""

    def __init__(
        self,
        files: Sequence[str],
        label: str,
        example_weight: str | None,
        metrics: Any,
    ):
        """Reads labels and weights.

        Args:
            files: gzipped TFRecords.
            label: column of labels, 0 or 1.
            example_weight: column of weights; None counts every example once.
            metrics: the module `components.evaluation.binary`.

        Raises:
            ValueError: if labels or weights are missing or out of range, or labels are
                all alike.
        """
        self._files = list(files)
        columns = [name for name in (label, example_weight) if name is not None]
        spec = {
            name: tf.io.FixedLenFeature([], tf.float32, math.nan) for name in columns
        }
        parsed = [tf.io.parse_example(batch, spec) for batch in self.batches()]
        labels, *weights = (
            np.concatenate([np.empty(0), *(batch[name] for batch in parsed)])
            for name in columns
        )
        _check(labels, (labels >= 0) & (labels <= 1), label, "from 0 to 1")
        for values in weights:
            is_weight = (values >= 0) & np.isfinite(values)
            _check(values, is_weight, str(example_weight), "0 or more and finite")
        self._labels = labels
        self._weights = weights[0] if weights else np.ones_like(labels)
        self._metrics = metrics
        counted = metrics.Labels()
        counted.add(self._labels, self._weights)
        if counted.fault:
            raise ValueError(
                f"The price of compact tables cannot be measured, for normalized "
                f"entropy is undefined: {counted.fault}. Hold out examples of both "
                "labels, or let serving.tables be float32."
            )

    def __len__(self) -> int:
        """Returns the number of examples."""
        return len(self._labels)

    def batches(self) -> Iterator[tf.Tensor]:
        """Yields the serialized examples: string [batch]."""
        dataset = tf.data.TFRecordDataset(self._files, "GZIP")
        return iter(dataset.batch(_BATCH_SIZE).prefetch(2))

    def entropy(self, scores: np.ndarray) -> float:
        """Returns the normalized entropy of scores; infinite if one is not finite.

        Args:
            scores: float32 [examples], how likely the label is 1.
        """
        metrics = self._metrics.BinaryMetrics()
        metrics.add(self._labels, scores, self._weights)
        entropy: float = metrics.result().values.get("normalized_entropy", math.inf)
        return entropy


def _check(values: np.ndarray, is_valid: np.ndarray, column: str, wanted: str) -> None:
    if not is_valid.all():
        (wrong,) = np.nonzero(~is_valid)
        raise ValueError(
            f"Column `{column}` of the evaluation split: {len(wrong)} of {len(values)} "
            f"values are missing or not {wanted}; the first is {values[wrong[0]]} in "
            f"example {wrong[0]}. Correct the data, or leave such examples out."
        )


class TrialModel:
    """A SavedModel whose float32 tables can be rounded to a precision for a trial."""

    def __init__(self, folder: str, arithmetic: Any):
        """Loads it.

        Args:
            folder: of the SavedModel.
            arithmetic: the module `embedding.serving.tables`.
        """
        started_s = time.perf_counter()
        self._model = tf.saved_model.load(folder)
        self.load_s = time.perf_counter() - started_s
        self._arithmetic = arithmetic

    def answer(self, examples: tf.Tensor) -> np.ndarray:
        """Returns the scores of serialized examples: float32 [examples]."""
        signature = self._model.signatures["serving_default"]
        scores: np.ndarray = signature(examples=examples)["scores"].numpy()
        return scores

    def entropy(self, split: Split) -> float:
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
                parts = self._arithmetic.encoded(precision, rows[chunk].numpy())
            rounded[chunk] = self._arithmetic.decoded(precision, parts)
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
    """Does what is asked, see the module's description.

    Args:
        request: as read from the input.

    Yields:
        What is to be printed.

    Raises:
        ValueError: if the split or the model cannot be weighed.
    """
    split = Split(
        request["files"],
        request["label"],
        request["example_weight"],
        _module(request["metrics"]),
    )
    model = TrialModel(request["model"], _module(request["arithmetic"]))
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
        "weight": {
            "examples": len(split),
            "normalized_entropy": entropy,
            "load_s": model.load_s,
            "latency_ms": latency_ms,
        }
    }


def _trials(
    model: TrialModel, split: Split, entropy: float, request: Mapping[str, Any]
) -> Iterator[Trial]:
    for table, precision in request["given"].items():
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
