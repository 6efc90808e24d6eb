"""What a model answers to the questions that training put to the engine.

The model is asked in a fresh process that has TensorFlow and numpy, as a server has: it
runs `program.py` as a file, which fails if the model needs anything of this project.
"""

import dataclasses
import json
import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np

from shardline.components.contracts.parity_examples import EXAMPLES_FILE, model_parity
from shardline.components.contracts.parity_lookups import ARRAYS_FILE, LOOKUPS_FILE
from shardline.components.execution.fresh_process import (
    ProgramError,
    TimeLimitError,
    output_lines,
)
from shardline.components.validator.replay import program

# By the module, so that its code is in the cache key of whoever runs it.
_PROGRAM = Path(program.__file__)
_TIME_LIMIT_S = 1800


class NotServedError(RuntimeError):
    """A model that cannot be asked."""


@dataclasses.dataclass(frozen=True)
class Refusal:
    """An error that a request met.

    Attributes:
        error: its class, such as "InvalidArgumentError".
        message: what it said, shortened.
    """

    error: str
    message: str


@dataclasses.dataclass(frozen=True)
class Answers:
    """What a model answered.

    Attributes:
        scores: the scores of the parity examples, float32 [examples].
        lookups: of each parity lookup, activations by feature; empty if refused.
        refusals: the refusals of each parity lookup, the error it met or None.
        load_seconds: how long the model took to load.
        request_ms: by examples in a request, how long each request took.
    """

    scores: np.ndarray
    lookups: list[dict[str, np.ndarray]]
    refusals: list[Refusal | None]
    load_seconds: float
    request_ms: dict[int, list[float]]


def replay(
    model_folder: str, *, requests: int = 0, sizes: Collection[int] = ()
) -> Answers:
    """Asks a model, in a fresh process, what training asked the engine.

    Args:
        model_folder: local, with the parity files that the exporter adds.
        requests: how many to time, of each size.
        sizes: examples in a request.

    Raises:
        NotServedError: if the model does not load or does not answer.
    """
    parity = model_parity(model_folder)
    with tempfile.TemporaryDirectory() as scratch:
        answers = Path(scratch, "answers.npz")
        request = {
            "model": str(model_folder),
            "examples": str(parity / EXAMPLES_FILE),
            "lookups": str(parity / LOOKUPS_FILE),
            "arrays": str(parity / ARRAYS_FILE),
            "answers": str(answers),
            "requests": requests,
            "sizes": list(sizes),
        }
        try:
            *_, report = output_lines(_PROGRAM, request, _TIME_LIMIT_S)
        except TimeLimitError as error:
            raise NotServedError(
                f"The model in {model_folder} did not answer within {_TIME_LIMIT_S} s."
            ) from error
        except ProgramError as error:
            raise NotServedError(
                f"The model in {model_folder} cannot be served: a process with only "
                f"TensorFlow {error}"
            ) from error
        with np.load(answers) as file:
            return _answers(json.loads(report), dict(file))


def _answers(report: dict[str, Any], arrays: dict[str, np.ndarray]) -> Answers:
    """Returns the program's answers, from its last line and its arrays."""
    lookups: list[dict[str, np.ndarray]] = [{} for _ in report["refusals"]]
    for name, array in arrays.items():
        number, separator, feature = name.partition("/")
        if separator:
            lookups[int(number)][feature] = array
    return Answers(
        scores=arrays["scores"],
        lookups=lookups,
        refusals=[refusal and Refusal(**refusal) for refusal in report["refusals"]],
        load_seconds=report["load_seconds"],
        request_ms={int(size): ms for size, ms in report["request_ms"].items()},
    )
