"""Works in two worker processes for ever; a test kills it. The argument is a folder."""

import sys
from pathlib import Path

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

from shardline.components.execution.in_memory_beam import IN_MEMORY_RUNNER
from shardline.components.execution.worker_processes import handler
from shardline.components.execution.worker_processes.number import worker_options

FOLDER = sys.argv[1]


def main() -> None:
    """Leaves a file for each worker, named by its process id."""

    def work(_: int, folder: str = FOLDER) -> None:
        import os
        import pathlib
        import time

        pathlib.Path(folder, str(os.getpid())).touch()
        time.sleep(600)

    handler.PRELOADED = ()
    options = PipelineOptions([f"--runner={IN_MEMORY_RUNNER}", *worker_options(2)])
    with beam.Pipeline(options=options) as root:
        _ = root | beam.Create([1, 2]) | beam.Reshuffle() | beam.Map(work)


if __name__ == "__main__":
    assert Path(FOLDER).is_dir()
    main()
