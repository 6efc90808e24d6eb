"""Where a job runs: a Beam runner by its name, and its options passed through."""

import argparse
import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions, _BeamArgumentParser

from shardline.components.execution.in_memory_beam import IN_MEMORY_RUNNER
from shardline.configs.shown import shown

RUNNERS = {
    "direct": IN_MEMORY_RUNNER,
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
    if runner != "portable" and (refused := refused_options(options)):
        why = next(iter(refused.values()))
        raise ValueError(f"{why}. Correct it, or leave it out.")
    flags = [f"--runner={RUNNERS[runner]}", *options]
    cores = os.cpu_count() or 1
    if runner == "direct" and not any("--direct_" in option for option in options):
        flags += ["--direct_running_mode=multi_threading"]
        flags += [f"--direct_num_workers={cores}"]
    workers = cores if runner == "direct" else _CLUSTER_WORKERS
    return Beam(lambda: beam.Pipeline(options=PipelineOptions(flags)), workers)


def refused_options(options: Sequence[str]) -> dict[str, str]:
    """Returns why Beam does not take options, by those that it does not take.

    A portable job server may have options of its own, which no part of Beam reads.

    Args:
        options: each `--NAME` or `--NAME=VALUE`.
    """
    # Else a value that is missing or odd ends the process.
    parser = _BeamArgumentParser(
        allow_abbrev=False, add_help=False, exit_on_error=False
    )
    for kind in _kinds(PipelineOptions):
        with contextlib.suppress(argparse.ArgumentError):
            kind._add_argparse_args(parser)
    refused = {}
    for option in options:
        try:
            if parser.parse_known_args([option])[1]:
                refused[option] = f"Beam knows no option `{shown(option)}`"
        except argparse.ArgumentError as error:
            refused[option] = f"Beam does not take `{shown(option)}`: {error.message}"
    return refused


def _kinds(options: type[PipelineOptions]) -> Iterator[type[PipelineOptions]]:
    for kind in options.__subclasses__():
        yield kind
        yield from _kinds(kind)
