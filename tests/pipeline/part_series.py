"""Runs parts of a pipeline one after the other, without a process for each.

A process that runs a part loads TensorFlow and TFX, which takes seconds; what it does
otherwise is the function that is called here. Arguments are the configuration, the run
folder, and the parts: `first:last`, or a component alone. Events go to stdout.
"""

import sys
from pathlib import Path

from shardline.pipeline.run_folder import RunFolder
from shardline.pipeline.runners.events import EventWriter
from shardline.pipeline.runners.local import run_pipeline


def run_parts(config: Path, folder: Path, parts: list[str]) -> None:
    """Runs the parts in their order."""
    run_folder, writer = RunFolder(folder), EventWriter(sys.stdout)
    run_folder.make()
    for part in parts:
        first, _, last = part.partition(":")
        run_pipeline(
            config,
            run_folder,
            writer,
            {},
            cache=True,
            force="",
            at_most=None,
            first=first or None,
            last=(last if ":" in part else first) or None,
        )


if __name__ == "__main__":
    run_parts(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
