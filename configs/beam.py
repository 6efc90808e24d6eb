"""The options that Beam is given for the steps that run in it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from shardline.configs.components import (
    DEFAULT,
    WORKED_COMPONENTS,
    BeamComponentOrDefault,
    WorkedComponentOrDefault,
)
from shardline.configs.fault import Fault, Part
from shardline.configs.section import PositiveInt

_OPTION = re.compile(r"--[A-Za-z][A-Za-z0-9_-]*(=.*)?")
_RUNNER = "--runner="
# Its names. It tries first to fetch a program and to run that.
_FETCHING = ("direct", "directrunner", "switchingdirectrunner", "prismrunner", "prism")
# Beam 2.77's drops what steps give at the end of a bundle, and ends well.
_LOSING = ("dask", "daskrunner")


def _option(value: Any) -> Any:
    if not isinstance(value, str) or not _OPTION.fullmatch(value):
        raise PydanticCustomError(
            "no_option", "an option of Beam is written --NAME or --NAME=VALUE"
        )
    runner = _name_in_beam(value.removeprefix(_RUNNER)) if names_runner([value]) else ""
    if runner in _LOSING:
        raise PydanticCustomError(
            "losing_runner",
            "Beam's runner for Dask loses rows; leave `--runner` out, and Beam runs in "
            "memory",
        )
    if runner in _FETCHING:
        raise PydanticCustomError(
            "fetching_runner",
            "this runner fetches a program from the network; leave `--runner` out, and "
            "Beam runs in memory",
        )
    return value


def _name_in_beam(runner: str) -> str:
    """Returns the name by which Beam knows a runner; "" for a class of others."""
    module, _, name = runner.lower().rpartition(".")
    return name if module.partition(".")[0] in ("", "apache_beam") else ""


BeamOption = Annotated[str, BeforeValidator(_option)]
BeamOptions = dict[BeamComponentOrDefault, list[BeamOption]]
WorkerProcesses = dict[WorkedComponentOrDefault, PositiveInt]
# Which say how many workers there are, or leave it to a runner.
_OF_WORKERS = (_RUNNER, "--direct_num_workers", "--direct_running_mode")


def names_runner(options: Sequence[str]) -> bool:
    """Tells whether options name the runner of Beam.

    Args:
        options: each `--NAME` or `--NAME=VALUE`.
    """
    return any(option.startswith(_RUNNER) for option in options)


def given_workers(
    workers: Mapping[WorkedComponentOrDefault, int], component: str
) -> int | None:
    """Returns how many worker processes a component is given; None: it finds out.

    Args:
        workers: `worker_processes` of a configuration.
        component: its id; one that cannot have any gets 1.
    """
    for worked in WORKED_COMPONENTS:
        if component == worked:
            return workers.get(worked, workers.get(DEFAULT))
    return 1


def says_workers(options: Sequence[str]) -> str:
    """Returns the first option that says who works, and how many; "" if none does.

    Args:
        options: each `--NAME` or `--NAME=VALUE`.
    """
    return next((option for option in options if option.startswith(_OF_WORKERS)), "")


def worker_faults(
    workers: Mapping[WorkedComponentOrDefault, int],
    beam: Mapping[BeamComponentOrDefault, list[str]],
) -> Iterator[Fault]:
    """Yields where `worker_processes` and options of Beam say two things.

    Args:
        workers: `worker_processes`.
        beam: the options.
    """
    part = Part("worker_processes", ("worker_processes",))
    for component in WORKED_COMPONENTS:
        options = [*beam.get(DEFAULT, []), *beam.get(component, [])]
        key = component if component in workers else DEFAULT
        if key in workers and (option := says_workers(options)):
            yield part.fault(
                f"`beam` gives {component} {option}, and here it gets {workers[key]}",
                "keep one of the two",
                key=key,
            )
