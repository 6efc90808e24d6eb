"""The check that a served model repeats the engine's scores, in a fresh process.

The process runs `replay.py` as a file, which imports TensorFlow and numpy only and
fails if anything of this project, or of what it trains with, was imported all the same.
"""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

_REPLAY = Path(__file__).with_name("replay.py")
_TIME_LIMIT_S = 600


class ParityError(RuntimeError):
    """A served model that cannot be asked, or answers otherwise than the engine."""


@dataclasses.dataclass(frozen=True)
class ParityResult:
    """How far the served model is from the engine.

    Attributes:
        examples: how many were answered.
        max_difference: the largest absolute difference of two scores.
        worst_example: the position of the example that has it.
    """

    examples: int
    max_difference: float
    worst_example: int


def replay_in_fresh_process(model_folder: str) -> ParityResult:
    """Loads a model in a new process without this project and replays its examples.

    Args:
        model_folder: SavedModel with `assets.extra/parity`.

    Raises:
        ParityError: if the model does not load or does not answer.
    """
    try:
        finished = subprocess.run(
            [sys.executable, "-I", str(_REPLAY), model_folder],
            capture_output=True,
            text=True,
            timeout=_TIME_LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ParityError(
            f"The model in {model_folder} did not answer within {_TIME_LIMIT_S} s."
        ) from error
    if finished.returncode != 0:
        last_lines = "\n".join(finished.stderr.strip().splitlines()[-3:])
        raise ParityError(
            f"The model in {model_folder} cannot be served: a process with only "
            f"TensorFlow ended with exit code {finished.returncode}.\n{last_lines}"
        )
    return ParityResult(**json.loads(finished.stdout.splitlines()[-1]))


def check_parity(model_folder: str, max_difference: float) -> ParityResult:
    """Replays a model's examples and refuses too large a difference.

    Raises:
        ParityError: if the model cannot be asked, or differs by more than
            `max_difference`.
    """
    result = replay_in_fresh_process(model_folder)
    if not result.max_difference <= max_difference:
        raise ParityError(
            f"The served model differs from the engine by {result.max_difference:g} on "
            f"example {result.worst_example} of {result.examples}; at most "
            f"{max_difference:g} is allowed (serving.max_difference). Training and "
            "serving do not compute the same."
        )
    return result
