"""An executor in a process of its own: as if it had run in this one."""

import functools
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tfx.orchestration.portable import data_types
from tfx.proto.orchestration import executable_spec_pb2
from tfx.types.standard_artifacts import Model

from shardline.embedding.cluster import HostLostError
from shardline.pipeline.runners import component_process
from shardline.pipeline.runners.component_process import (
    ComponentKilledError,
    run_in_own_process,
)
from shardline.pipeline.runners.interruption import stops_as_at_ctrl_c
from shardline.pipeline.runners.passing import CAN_PASS, can_pass

pytestmark = pytest.mark.orchestration

# A module of a user, which lies in the folder that the run is started in.
MODULE = """
import logging, os, pathlib, signal, sys, time
from tfx.dsl.components.base.base_executor import BaseExecutor

class Executor(BaseExecutor):
    def Do(self, input_dict, output_dict, exec_properties):
        (model,) = output_dict["model"]
        logging.getLogger("shardline.trainer").info("step %d", 7)
        does = exec_properties["does"]
        if does == "give":
            model.set_int_custom_property("process", os.getpid())
            model.set_string_custom_property("given", exec_properties["word"])
        elif does == "lose":
            from shardline.embedding.cluster import HostLostError
            try:
                raise ConnectionError("socket closed")
            except ConnectionError as error:
                raise HostLostError("1 of 3 workers lost", ["host 1"]) from error
        elif does == "die":
            if "begins" in exec_properties:  # an answer of 9 bytes
                os.write(int(sys.argv[1]), bytes([0, 0, 0, 9, 128]))
            os.kill(os.getpid(), int(exec_properties["by"]))
        elif does == "hang":
            pathlib.Path("hangs").write_text(str(os.getpid()))
            try:
                time.sleep(600)
            finally:  # a save that was under way
                time.sleep(6)
                pathlib.Path("saved").touch()
"""
# A run that is to be killed.
RUN = """
import pathlib, sys
sys.path.insert(0, sys.argv[1])
from test_component_process import run_executor
run_executor(pathlib.Path.cwd(), does="hang")
"""


def run_executor(folder: Path, **properties: str) -> Any:
    """Runs what the executor of `user_step` does with a property."""
    model = Model()
    model.uri = str(folder / "model")
    spec = executable_spec_pb2.PythonClassExecutableSpec(
        class_path="user_step.Executor"
    )
    execution = data_types.ExecutionInfo(
        execution_id=5,
        input_dict={},
        output_dict={"model": [model]},
        exec_properties=dict(properties),
        execution_output_uri=str(folder / "output"),
    )
    return run_in_own_process(spec, execution)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Runs an executor, in the folder of its module."""
    (tmp_path / "user_step.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    return functools.partial(run_executor, tmp_path)


def test_output_and_log_come_back(
    run: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "shardline"):
        output = run(does="give", word="x" * 200_000)

    (model,) = output.output_artifacts["model"].artifacts
    assert model.custom_properties["process"].int_value != os.getpid()
    assert len(model.custom_properties["given"].string_value) == 200_000
    told = [(one.name, one.getMessage()) for one in caplog.records]
    assert ("shardline.trainer", "step 7") in told


def test_error_comes_back_with_its_class_and_cause(run: Callable[..., Any]) -> None:
    with pytest.raises(HostLostError, match="1 of 3 workers lost") as raised:
        run(does="lose")

    assert raised.value.hosts == ["host 1"]
    assert isinstance(raised.value.__cause__, ConnectionError)


@pytest.mark.parametrize(
    ("by", "sends"),
    [(signal.SIGKILL, {}), (signal.SIGTERM, {}), (signal.SIGKILL, {"begins": "yes"})],
    ids=["killed", "terminated", "killed-while-it-sends"],
)
def test_process_ended_from_outside_is_told_and_can_pass(
    run: Callable[..., Any], by: signal.Signals, sends: dict[str, str]
) -> None:
    with pytest.raises(ComponentKilledError, match=f"was ended by {by.name}") as raised:
        run(does="die", by=str(int(by)), **sends)

    assert can_pass(raised.value)


@pytest.mark.parametrize("code", [0, 3, CAN_PASS, -signal.SIGSEGV])
def test_process_that_ends_by_itself_cannot_pass(code: int) -> None:
    assert not can_pass(component_process._without_answer(code))


def test_process_ends_with_a_run_that_is_killed(tmp_path: Path) -> None:
    (tmp_path / "user_step.py").write_text(MODULE)
    hangs = tmp_path / "hangs"
    command = [sys.executable, "-c", RUN, str(Path(__file__).parent)]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL) as killed:
        while not hangs.exists() or not hangs.read_text():
            assert killed.poll() is None
            time.sleep(0.1)
        killed.kill()

    process = Path("/proc", hangs.read_text(), "stat")
    while process.exists() and process.read_text().split()[2] != "Z":
        time.sleep(0.1)
    assert not (tmp_path / "saved").exists()


def test_interruption_lets_the_process_save_and_ends_it(
    run: Callable[..., Any], tmp_path: Path
) -> None:
    file = tmp_path / "hangs"

    def interrupt_when_it_hangs(number: int, frame: object) -> None:
        if not file.exists() or not file.read_text():
            signal.setitimer(signal.ITIMER_REAL, 0.1)
        else:
            os.kill(os.getpid(), signal.SIGTERM)

    with stops_as_at_ctrl_c():
        signal.signal(signal.SIGALRM, interrupt_when_it_hangs)
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        with pytest.raises(KeyboardInterrupt, match="SIGTERM"):
            run(does="hang")

    with pytest.raises(ProcessLookupError):
        os.kill(int(file.read_text()), 0)
    assert (tmp_path / "saved").exists()
