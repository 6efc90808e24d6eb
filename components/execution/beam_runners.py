"""Where a job runs: a Beam runner by its name, and its options passed through."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

from shardline.components.execution.in_memory_beam import IN_MEMORY_RUNNER
from shardline.components.execution.runner_options import refused_options
from shardline.components.machine.cores import usable_cores
from shardline.configs.beam import names_runner

# Those with a path are ours: what Beam has under these names is not fit for long jobs.
RUNNERS = {
    "direct": IN_MEMORY_RUNNER,
    "dask": "shardline.components.execution.beam_engines.dask_runner.DaskRunner",
    "portable": (
        "shardline.components.execution.beam_engines.portable_runner.PortableRunner"
    ),
    "flink": "FlinkRunner",
    "spark": "SparkRunner",
    "dataflow": "DataflowRunner",
}
# A small job first tells whether workers are fit; Dataflow starts machines for each.
_TRIED_FIRST = ("dask", "portable", "flink", "spark")
# Where it is not known how much a Beam engine does at a time.
_UNITS_OF_ENGINE = 64


@dataclass(frozen=True)
class Beam:
    """Where jobs run.

    Attributes:
        pipeline: makes a Beam pipeline, to be entered as a context.
        units_at_once: how many units of work shall be done at a time, at least.
        is_tried_first: whether a small job shall find out if the workers are fit.
    """

    pipeline: Callable[[], beam.Pipeline]
    units_at_once: int = 1
    is_tried_first: bool = False


def beam_runner(runner: str, options: Sequence[str] = ()) -> Beam:
    """Returns where to run.

    On one machine, threads use all cores: most of the work is outside Python.

    Args:
        runner: one of `RUNNERS`.
        options: of Beam and the runner, such as "--flink_master=localhost:8081".

    Raises:
        ValueError: if there is no such runner, or an option is no option or names
            another runner.
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
    if names_runner(options):
        raise ValueError(
            f"`--runner` comes before `--`, and is one of {', '.join(RUNNERS)}."
        )
    refused = refused_options(options, may_have_others=runner == "portable")
    if refused:
        fact, remedy = next(iter(refused.values()))
        raise ValueError(f"{fact}; {remedy}{'' if remedy.endswith('?') else '.'}")
    flags = [f"--runner={RUNNERS[runner]}", *options]
    cores = usable_cores()
    if runner == "direct" and not any("--direct_" in option for option in options):
        flags += ["--direct_running_mode=multi_threading"]
        flags += [f"--direct_num_workers={cores}"]
    units = cores if runner == "direct" else _UNITS_OF_ENGINE
    return Beam(
        lambda: beam.Pipeline(options=PipelineOptions(flags)),
        units,
        runner in _TRIED_FIRST,
    )
