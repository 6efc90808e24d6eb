"""The options that Beam is given for the steps that run in it."""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from shardline.configs.components import BeamComponentOrDefault

_OPTION = re.compile(r"--[A-Za-z][A-Za-z0-9_-]*(=.*)?")
_RUNNER = "--runner="
# Its names. It tries first to fetch a program and to run that.
_FETCHING = ("direct", "directrunner", "switchingdirectrunner", "prismrunner", "prism")


def _option(value: Any) -> Any:
    if not isinstance(value, str) or not _OPTION.fullmatch(value):
        raise PydanticCustomError(
            "no_option", "an option of Beam is written --NAME or --NAME=VALUE"
        )
    if value.startswith(_RUNNER) and value[len(_RUNNER) :].lower() in _FETCHING:
        raise PydanticCustomError(
            "fetching_runner",
            "this runner fetches a program from the network; leave `--runner` out, and "
            "Beam runs in memory",
        )
    return value


BeamOption = Annotated[str, BeforeValidator(_option)]
BeamOptions = dict[BeamComponentOrDefault, list[BeamOption]]


def names_runner(options: list[str]) -> bool:
    """Tells whether options name the runner of Beam.

    Args:
        options: each `--NAME` or `--NAME=VALUE`.
    """
    return any(option.startswith(_RUNNER) for option in options)
