"""The lines by which `shardline run` says that a component is done."""

import io

from rich.console import Console

from benchmarks.progress import done_in
from shardline.pipeline.runners.events import Event
from shardline.pipeline.runners.process import _Follower


def _printed(text: str) -> str:
    """Returns what a run prints of a component that has ended."""
    output = io.StringIO()
    follower = _Follower(Console(file=output, width=80), status=None)
    follower.follow(Event("finished", component="StatisticsGen", text=text))
    return output.getvalue()


def test_component_is_found_in_what_a_run_prints() -> None:
    found = done_in(_printed("done"))

    assert found is not None
    assert found.component == "StatisticsGen"
    assert found.seconds >= 0


def test_what_else_a_run_prints_is_no_component_that_is_done() -> None:
    assert done_in(_printed("reused")) is None
    assert done_in("  Trainer: step 20 of 100") is None
