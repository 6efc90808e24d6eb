"""Measures exported models, each in a fresh process that runs `program.py` as a file.

The fresh process proves nothing that the parity gate does not prove. It gives all its
memory back, and what TensorFlow keeps of one model cannot slow down the next one.
"""

import contextlib
import dataclasses
import importlib.util
import json
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path
from typing import Any

from shardline.components.execution.fresh_process import ProgramError, output_lines
from shardline.components.exporter.quantization import program
from shardline.components.exporter.quantization.program import Trial
from shardline.configs.schema import Precision, Target

# By the module, so that its code is in the cache key of whoever runs it.
_PROGRAM = Path(program.__file__)


class MeasurementError(RuntimeError):
    """A model, or an evaluation split, of which quality cannot be measured."""


@dataclasses.dataclass(frozen=True)
class Measurement:
    """What was measured of an exported model.

    Attributes:
        examples: the examples of the evaluation split.
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
        fixed: precisions of tables that keep theirs while others are tried.
        precisions: by table, all in the order in which they are to be tried.
    """

    max_increase: float
    fixed: Mapping[str, Precision] = dataclasses.field(default_factory=dict)
    precisions: Mapping[str, Sequence[Precision]] = dataclasses.field(
        default_factory=dict
    )


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
        on_trial: called with each trial as soon as it was made.

    Returns:
        What was measured of the model as it is.

    Raises:
        MeasurementError: if the model does not load or answer, or quality is not
            defined on the split.
    """
    trials = candidates or Candidates(max_increase=0)
    request = {
        "model": model_folder,
        "split": _file_of(
            "shardline.components.exporter.quantization.evaluation_split"
        ),
        "rounding": _file_of("shardline.embedding.serving.tables"),
        "metrics": _file_of("shardline.components.evaluation.binary"),
        "files": list(files),
        "label": target.label,
        "example_weight": target.example_weight,
        "fixed": dict(trials.fixed),
        "candidates": dict(trials.precisions),
        "max_increase": trials.max_increase,
    }
    measurement = None
    with contextlib.closing(_outcomes(request)) as outcomes:
        for outcome in outcomes:
            if "refused" in outcome:
                raise MeasurementError(outcome["refused"])
            if "trial" in outcome:
                on_trial(Trial(**outcome["trial"]))
            else:
                measurement = Measurement(**outcome["measurement"])
    assert measurement is not None
    return measurement


def _file_of(module: str) -> str:
    spec = importlib.util.find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    return spec.origin


def _outcomes(request: Mapping[str, Any]) -> Generator[dict[str, Any], None, None]:
    """Yields what the program prints; ends it if nobody reads on."""
    with contextlib.closing(output_lines(_PROGRAM, request)) as lines:
        try:
            yield from map(json.loads, lines)
        except ProgramError as error:
            raise MeasurementError(
                f"The model in {request['model']} cannot be measured: a process with "
                f"only TensorFlow {error}"
            ) from error
