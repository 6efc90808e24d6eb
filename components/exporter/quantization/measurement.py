"""Measures exported models, each in a fresh process that runs `measure.py` as a file.

A process of its own proves nothing that the parity gate does not prove; it gives all
memory back, and what TensorFlow keeps of one model cannot slow down the next one.
"""

import contextlib
import dataclasses
import importlib.util
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from shardline.components.exporter.quantization.measure import Trial
from shardline.configs.schema import Precision, Target

_PROGRAM = Path(__file__).with_name("measure.py")
_LAST_LINES = 3


class MeasurementError(RuntimeError):
    """A model, or an evaluation split, of which quality cannot be measured."""


@dataclasses.dataclass(frozen=True)
class Measurement:
    """What was measured of an exported model.

    Attributes:
        examples: of the evaluation split.
        normalized_entropy: over all of them, weighted.
        load_s: seconds until the model was loaded.
        latency_ms: p50, p90 and p99 of a request's time, by its number of examples.
    """

    examples: int
    normalized_entropy: float
    load_s: float
    latency_ms: Mapping[str, Mapping[str, float]]


@dataclasses.dataclass(frozen=True)
class Candidates:
    """Precisions to try in a model of float32 tables.

    Attributes:
        max_increase: of normalized entropy, relative to the model as it is.
        given: precisions by table, that hold while others are tried.
        tried: precisions by table, all in the order in which they are to be tried.
    """

    max_increase: float
    given: Mapping[str, Precision] = dataclasses.field(default_factory=dict)
    tried: Mapping[str, Sequence[Precision]] = dataclasses.field(default_factory=dict)


def measure(
    model_folder: str,
    files: Sequence[str],
    target: Target,
    candidates: Candidates | None = None,
    on_trial: Callable[[Trial], None] = lambda trial: None,
) -> Measurement:
    """Measures a model on the evaluation split, and tries precisions of its tables.

    There is no time limit: a split may have any size, and each trial scores it once.

    Args:
        model_folder: a SavedModel.
        files: the split's raw examples, gzipped TFRecords.
        target: label and example weight.
        candidates: what to try; None measures only.
        on_trial: told of each trial as soon as it was made.

    Returns:
        What was measured of the model as it is.

    Raises:
        MeasurementError: if the model does not load or answer, or quality is not
            defined on the split.
    """
    tries = candidates or Candidates(max_increase=0)
    request = {
        "model": model_folder,
        "arithmetic": _file_of("shardline.embedding.serving.tables"),
        "metrics": _file_of("shardline.components.evaluation.binary"),
        "files": list(files),
        "label": target.label,
        "example_weight": target.example_weight,
        "given": dict(tries.given),
        "candidates": dict(tries.tried),
        "max_increase": tries.max_increase,
    }
    weight = None
    with contextlib.closing(_lines(request)) as lines:
        for line in lines:
            if "refused" in line:
                raise MeasurementError(line["refused"])
            if "trial" in line:
                on_trial(Trial(**line["trial"]))
            else:
                weight = Measurement(**line["weight"])
    assert weight is not None
    return weight


def _file_of(module: str) -> str:
    spec = importlib.util.find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    return spec.origin


def _lines(request: Mapping[str, Any]) -> Generator[dict[str, Any], None, None]:
    """Yields what the program prints, and stops it if nobody reads on."""
    with (
        tempfile.TemporaryFile("w+") as asked,
        tempfile.TemporaryFile("w+") as errors,
    ):
        json.dump(request, asked)
        asked.seek(0)
        with subprocess.Popen(
            [sys.executable, "-I", str(_PROGRAM)],
            stdin=asked,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process:
            assert process.stdout is not None
            try:
                yield from map(json.loads, process.stdout)
            except BaseException:
                process.kill()
                raise
        if process.returncode != 0:
            raise MeasurementError(
                f"The model in {request['model']} cannot be weighed: a process with "
                f"only TensorFlow ended with exit code {process.returncode}.\n"
                f"{_end_of(errors)}"
            )


def _end_of(file: IO[str]) -> str:
    file.seek(0)
    return "".join(file.readlines()[-_LAST_LINES:]).strip()
