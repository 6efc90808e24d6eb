"""What the sections share: where they work, and how programs run."""

import sys
from pathlib import Path
from typing import Any

from benchmarks.engine.session import FOLDER
from benchmarks.preprocess import session

SETS = FOLDER / "checkpoint-sets"
ORBAX_PYTHON = FOLDER / "orbax-venv/bin/python"
_PROGRAMS = "benchmarks.checkpoint.programs"


def run(
    name: str,
    module: str,
    *arguments: str | Path,
    limit_s: float = 600,
    python: str | Path = sys.executable,
) -> Any:
    """Runs a program; returns what it says in JSON.

    Args:
        name: what reports call it.
        module: below `benchmarks.checkpoint.programs`.
        arguments: of its command line.
        limit_s: when to give it up.
        python: the interpreter of its environment.

    Raises:
        ProgramError: if it fails or takes longer than its limit.
    """
    program = session.Program(name, module, arguments, limit_s, _PROGRAMS, str(python))
    return session.run(program)
