"""What is scored: the rows of the pipeline's benchmark, by a model trained on few."""

import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from benchmarks.engine.session import FOLDER, ProgramError
from benchmarks.pipeline.workload import make_rows, write_config

_COMMAND = "from shardline.pipeline.commands.entry import main; main()"
_TRAINED, _EVALUATED = 60_000, 10_000
_RUN = FOLDER / "scoring-run"


class Workload(NamedTuple):
    """What programs are told.

    Attributes:
        config: the configuration of the model.
        run: its run folder.
        rows: the folder of the files to score, CSV.
    """

    config: Path
    run: Path
    rows: Path


def make_workload() -> Workload:
    """Makes the rows and trains the model, unless they are there.

    Raises:
        ProgramError: if the run fails.
    """
    _RUN.mkdir(parents=True, exist_ok=True)
    few = make_rows(_TRAINED, _EVALUATED)
    config = write_config(_RUN.absolute(), few, workers=1)
    run = _RUN.absolute() / "run"
    if not list((run / "serving").glob("[0-9]*")):
        told = subprocess.run(
            [sys.executable, "-c", _COMMAND, "run", config, "--output-dir", run],
            capture_output=True,
            text=True,
            check=False,
        )
        if told.returncode:
            raise ProgramError(f"The model could not be made: {told.stdout}")
    return Workload(config, run, make_rows())
