"""The platforms by the names that `--runner` takes."""

import difflib
from typing import Literal, get_args

PlatformRunner = Literal["kubeflow", "vertex"]
PLATFORM_RUNNERS: tuple[str, ...] = get_args(PlatformRunner)


def platform_runner(name: str, *besides: str) -> PlatformRunner:
    """Returns the platform of a name.

    Args:
        name: what `--runner` was given.
        *besides: what else it could have been given.

    Raises:
        ValueError: if there is none.
    """
    for runner in get_args(PlatformRunner):
        if name == runner:
            known: PlatformRunner = runner
            return known
    names = (*besides, *PLATFORM_RUNNERS)
    nearest = difflib.get_close_matches(name, names, n=1)
    use = f"did you mean {nearest[0]}?" if nearest else f"use {' or '.join(names)}."
    raise ValueError(f"There is no runner `{name}`; {use}")
