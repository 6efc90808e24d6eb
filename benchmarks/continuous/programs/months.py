"""Judges the models of the demo's finished run, and trains what they are compared with.

python -m benchmarks.continuous.programs.months CONFIG RUN_FOLDER
"""

import argparse
from pathlib import Path
from typing import Any

import tensorflow as tf

from benchmarks.serving.program import say_result_of
from shardline.components.readers import datasets
from shardline.configs import load_run
from shardline.pipeline.commands.continuous_demo import new_movies_of, results_of
from shardline.pipeline.run_folder import RunFolder


def main() -> dict[str, Any]:
    """Judges."""
    parser = argparse.ArgumentParser()
    parser.add_argument("config", type=Path)
    parser.add_argument("run_folder", type=Path)
    parser.add_argument("--user", default="42")
    arguments = parser.parse_args()
    run = load_run(arguments.config)
    folder = RunFolder(arguments.run_folder.resolve())
    archive = datasets.local_path(run.data, folder.data)
    movies = new_movies_of(run, folder, archive, arguments.user)
    return {
        "spans": list(results_of(run, folder)),
        "movies": [one._asdict() for one in movies],
        "versions": {"tensorflow": tf.__version__},
    }


if __name__ == "__main__":
    say_result_of(main)
