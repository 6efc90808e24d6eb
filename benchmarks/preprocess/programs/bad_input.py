"""Runs our job on seven kinds of bad input."""

import json
import os
import tempfile
from pathlib import Path

from benchmarks.preprocess.bad_files import CASES
from benchmarks.preprocess.bad_input import tried
from benchmarks.preprocess.programs import ours


def main() -> None:
    """Says in JSON what became of each."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    with tempfile.TemporaryDirectory() as scratch:
        found = [
            tried(case, Path(scratch, str(k)), ours.run) for k, case in enumerate(CASES)
        ]
    print(json.dumps(found), file=answers, flush=True)


if __name__ == "__main__":
    main()
