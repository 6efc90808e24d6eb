"""Answers of a model, from a new process without this project.

The process runs `ask.py` as a file, which imports TensorFlow and numpy only and fails
if anything of this project, or of what it trains with, was imported all the same.
"""

import dataclasses
import json
import subprocess
import sys
import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np

_PROGRAM = Path(__file__).parents[1] / "validator" / "replay" / "ask.py"
_TIME_LIMIT_S = 1800
_LAST_LINES = 3


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
        scores: of the parity examples, float32 [examples].
        lookups: of each parity lookup, activations by feature; nothing if refused.
        refusals: of each parity lookup, the error it met or None.
        load_seconds: how long the model took to load.
        request_ms: by examples in a request, how long each request took.
    """

    scores: np.ndarray
    lookups: list[dict[str, np.ndarray]]
    refusals: list[Refusal | None]
    load_seconds: float
    request_ms: dict[int, list[float]]


def ask_in_fresh_process(
    model_folder: str, *, requests: int = 0, sizes: Collection[int] = ()
) -> Answers:
    """Loads a model in a new process and asks it.

    Args:
        model_folder: SavedModel with `assets.extra/parity`.
        requests: how many to time, of each size.
        sizes: examples in a request.

    Raises:
        NotServedError: if the model does not load or does not answer.
    """
    with tempfile.TemporaryDirectory() as scratch:
        answers = Path(scratch, "answers.npz")
        command = [sys.executable, "-I", _PROGRAM, model_folder, answers, requests]
        line = _output([str(part) for part in [*command, *sizes]], model_folder)
        with np.load(answers) as file:
            return _answers(json.loads(line), dict(file))


def _output(command: list[str], model_folder: str) -> str:
    """Runs the program; returns the last line it printed."""
    try:
        finished = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=_TIME_LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise NotServedError(
            f"The model in {model_folder} did not answer within {_TIME_LIMIT_S} s."
        ) from error
    if finished.returncode != 0:
        last_lines = "\n".join(finished.stderr.strip().splitlines()[-_LAST_LINES:])
        raise NotServedError(
            f"The model in {model_folder} cannot be served: a process with only "
            f"TensorFlow ended with exit code {finished.returncode}.\n{last_lines}"
        )
    return finished.stdout.splitlines()[-1]


def _answers(told: dict[str, Any], arrays: dict[str, np.ndarray]) -> Answers:
    lookups: list[dict[str, np.ndarray]] = [{} for _ in told["refusals"]]
    for name, array in arrays.items():
        number, separator, feature = name.partition("/")
        if separator:
            lookups[int(number)][feature] = array
    return Answers(
        scores=arrays["scores"],
        lookups=lookups,
        refusals=[one and Refusal(**one) for one in told["refusals"]],
        load_seconds=told["load_seconds"],
        request_ms={int(size): ms for size, ms in told["request_ms"].items()},
    )
