"""What the sections share: how programs run, and where the demo's run is."""

from pathlib import Path
from typing import Any

from benchmarks.preprocess import session

RUN = Path("runs/movielens_monthly")
CONFIG = Path("configs/movielens_monthly.yaml")
_PROGRAMS = "benchmarks.continuous.programs"


def run(name: str, module: str, *arguments: str | Path, limit_s: float = 600) -> Any:
    """Runs a program; returns what it says in JSON.

    Args:
        name: what reports call it.
        module: below `benchmarks.continuous.programs`.
        arguments: of its command line.
        limit_s: when to give it up.

    Raises:
        ProgramError: if it fails or takes longer than its limit.
    """
    return session.run(session.Program(name, module, arguments, limit_s, _PROGRAMS))
