"""Whether workers of Dask have the project, as it is here."""

import re
from pathlib import Path
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
        if isinstance(found, bool):
            return {"tcp://worker": True, "tcp://other": self.told.get("sees", found)}
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


def test_folder_that_all_see_is_fit(tmp_path: Path) -> None:
    workers.check_workers(Cluster(), str(tmp_path))


@pytest.mark.parametrize(
    ("found", "why"), [(False, ""), (OSError("stale handle"), ": stale handle")]
)
def test_each_worker_that_does_not_see_the_folder_is_named(
    found: Any, why: str, tmp_path: Path
) -> None:
    message = f"tcp://other does not see {tmp_path}{why}. Name an output that"
    with pytest.raises(BeamEngineError, match=re.escape(message)):
        workers.check_workers(Cluster(sees=found), str(tmp_path))
