"""An executor in a process of its own: as if it had run in this one."""

import logging
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tfx.orchestration.portable import data_types
from tfx.proto.orchestration import executable_spec_pb2
from tfx.types.standard_artifacts import Model

from shardline.embedding.cluster import HostLostError
from shardline.pipeline.runners.component_process import (
    ComponentEndedError,
    ComponentKilledError,
    run_in_own_process,
)
from shardline.pipeline.runners.interruption import stops_as_at_ctrl_c
from shardline.pipeline.runners.passing import can_pass

pytestmark = pytest.mark.orchestration

# A module of a user, which lies in the folder that the run is started in.
MODULE = """
import logging, os, pathlib, signal, time
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
                raise HostLostError("1 of 3 hosts lost", ["host 1"]) from error
        elif does == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        elif does == "hang":
            pathlib.Path("hangs").write_text(str(os.getpid()))
            time.sleep(600)
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Runs what an executor does with a property."""
    (tmp_path / "user_step.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)

    def in_own_process(**properties: str) -> Any:
        model = Model()
        model.uri = str(tmp_path / "model")
        spec = executable_spec_pb2.PythonClassExecutableSpec(
            class_path="user_step.Executor"
        )
        execution = data_types.ExecutionInfo(
            execution_id=5,
            input_dict={},
            output_dict={"model": [model]},
            exec_properties=dict(properties),
            execution_output_uri=str(tmp_path / "output"),
        )
        return run_in_own_process(spec, execution)

    return in_own_process


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
    with pytest.raises(HostLostError, match="1 of 3 hosts lost") as raised:
        run(does="lose")

    assert raised.value.hosts == ["host 1"]
    assert isinstance(raised.value.__cause__, ConnectionError)


def test_killed_process_is_told(run: Callable[..., Any]) -> None:
    with pytest.raises(ComponentKilledError, match="was ended by SIGKILL") as raised:
        run(does="die")

    assert can_pass(raised.value)
    assert not can_pass(ComponentEndedError("The process ended with exit code 3."))


def test_interruption_ends_the_process_too(
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
