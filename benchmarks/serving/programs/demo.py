"""Runs the demo with some compact tables, and says how its model was judged.

    python -m benchmarks.serving.programs.demo FOLDER

MovieLens 100K, as configs/movielens.yaml has it, with its larger tables `auto` and the
others float32. The data are fetched as the demo fetches them. Prints what the Exporter
wrote of the precisions and the ServingValidator of its lookups.
"""

import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.serving.program import say_result_of
from shardline.components.contracts.precision_report import load_precision_report
from shardline.components.contracts.validation import load_validation
from shardline.configs import load_run

_CONFIG = Path("configs/movielens.yaml")
_SERVING = "\nserving:\n  tables: {user: auto, zip: auto, movie: auto}\n"
# A closed gate is what is to be found out here, not an end of the run.
_REASON = "to measure it"


def main() -> dict[str, Any]:
    """Returns the variants, and how the tables answer."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True)
    config = folder / "demo.yaml"
    config.write_text(_CONFIG.read_text() + _SERVING)
    shardline = Path(sys.executable).with_name("shardline")
    options = ["--output-dir", str(folder / "run"), "--force", _REASON]
    command = [str(shardline), "run", str(config), *options]
    finished = subprocess.run(command, capture_output=True, text=True)
    if finished.returncode != 0:
        sys.exit(finished.stdout[-2000:] + finished.stderr[-2000:])
    artifacts = folder / "run" / "artifacts"
    (model,) = artifacts.glob("Exporter/model/*/Format-Serving")
    (validated,) = artifacts.glob("ServingValidator/validation/*")
    return {
        "precisions": load_precision_report(str(model)).model_dump(),
        "validation": load_validation(str(validated)).model_dump(),
        "budget": load_run(config).serving.max_entropy_increase,
    }


if __name__ == "__main__":
    say_result_of(main)
