"""Where a job runs: a Beam runner by its name, and its options passed through."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

RUNNERS = {
    "direct": "DirectRunner",
    "flink": "FlinkRunner",
    "spark": "SparkRunner",
    "dataflow": "DataflowRunner",
    "portable": "PortableRunner",
}
# Units of work at a time where the number of workers is not known.
_CLUSTER_WORKERS = 64


@dataclass(frozen=True)
class Beam:
    """Where jobs run.

    Attributes:
        pipeline: makes a Beam pipeline, to be entered as a context.
        workers: how many units of work shall run at a time, at least.
    """

    pipeline: Callable[[], beam.Pipeline]
    workers: int = 1


def beam_runner(runner: str, options: Sequence[str] = ()) -> Beam:
    """Returns where to run.

    On one machine, threads use all cores: most of the work is outside Python.

    Args:
        runner: one of `RUNNERS`.
        options: of Beam and the runner, such as "--flink_master=localhost:8081".

    Raises:
        ValueError: if there is no such runner, or an option is no option.
    """
    if runner not in RUNNERS:
        raise ValueError(
            f"There is no runner `{runner}`; use one of {', '.join(RUNNERS)}."
        )
    loose = [option for option in options if not option.startswith("--")]
    if loose:
        raise ValueError(
            f"`{loose[0]}` is no option of a runner; write --NAME=VALUE, after `--`."
        )
    flags = [f"--runner={RUNNERS[runner]}", *options]
    cores = os.cpu_count() or 1
    if runner == "direct" and not any("--direct_" in option for option in options):
        flags += ["--direct_running_mode=multi_threading"]
        flags += [f"--direct_num_workers={cores}"]
    workers = cores if runner == "direct" else _CLUSTER_WORKERS
    return Beam(lambda: beam.Pipeline(options=PipelineOptions(flags)), workers)
