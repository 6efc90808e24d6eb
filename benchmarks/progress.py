"""What `shardline run` prints of its progress: a line when a component is done."""

import re
from typing import NamedTuple

_DONE = re.compile(r"(\w+) +done +([\d.]+) s")


class Done(NamedTuple):
    """A component that has run.

    Attributes:
        component: its name.
        seconds: that it took.
    """

    component: str
    seconds: float


def done_in(line: str) -> Done | None:
    """Returns which component a line says is done, None if it says something else."""
    found = _DONE.match(line)
    return Done(found[1], float(found[2])) if found else None
