"""Whether workers of Dask have the project, as it is here."""

from typing import Any

import pytest

from shardline.components.execution.beam_engines import workers
from shardline.components.execution.beam_engines.errors import BeamEngineError


class Cluster:
    """A cluster with one worker, all of whose processes are this one."""

    class scheduler:
        address = "tcp://scheduler"

    def __init__(self, **told: Any) -> None:
        self.told = told

    def run_on_scheduler(self, function: Any, *arguments: Any) -> Any:
        if "scheduler" in self.told:
            raise self.told["scheduler"]
        return function(*arguments)

    def run(self, function: Any, *arguments: Any, on_error: str) -> dict[str, Any]:
        assert on_error == "return"
        found = function(*arguments)
        return {"tcp://worker": found | self.told.get("worker", {})}


def test_workers_with_the_same_versions_are_fit() -> None:
    workers.check_workers(Cluster())


@pytest.mark.parametrize(
    ("told", "message"),
    [
        (
            {"scheduler": ModuleNotFoundError("No module named 'shardline'")},
            "tcp://scheduler cannot import this project: ModuleNotFoundError: No mod",
        ),
        (
            {"worker": {"apache-beam": "2.1.0"}},
            r"tcp://worker has apache-beam 2\.1\.0, and here it is 2\.77\.0\. Let the",
        ),
        (
            {"worker": {"code of this project": "0ld"}},
            r"tcp://worker has code of this project 0ld, and here it is \w+\.",
        ),
        ({"worker": {"Python": "3.8.1"}}, r"tcp://worker has Python 3\.8\.1, and here"),
    ],
)
def test_unfit_process_is_named(told: dict[str, Any], message: str) -> None:
    with pytest.raises(BeamEngineError, match=message):
        workers.check_workers(Cluster(**told))
