"""Beam on one machine: the one runner that is tested here.

Beam's DirectRunner is another one: it first tries to fetch a program, Prism, from the
network and to run it.
"""

from collections.abc import Sequence

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

IN_MEMORY_RUNNER = "shardline.components.execution.worker_processes.runner.LocalRunner"


def in_memory_pipeline(options: Sequence[str] = ()) -> beam.Pipeline:
    """Returns a pipeline to be entered as a context.

    It runs in this process, or in worker processes if options say so.

    Args:
        options: more of Beam's, such as "--direct_num_workers=4".
    """
    return beam.Pipeline(
        options=PipelineOptions([f"--runner={IN_MEMORY_RUNNER}", *options])
    )
