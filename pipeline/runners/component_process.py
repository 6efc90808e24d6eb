"""Runs one component's executor in a process of its own.

Components share the process of a run, in which TensorFlow has started long before the
Trainer. A Trainer whose rows lie on a cluster or a TPU must be the first to use it.
What the executor logs, gives and raises comes back as if it had run here, and its
process ends with this one.
"""

import logging
import multiprocessing
import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Any

from tfx.orchestration.portable import data_types
from tfx.proto.orchestration import executable_spec_pb2, execution_result_pb2

from shardline.components.execution.exit_status import how_ended
from shardline.embedding.cluster.bound_process import start_bound
from shardline.pipeline.runners.interruption import END_WITHIN_S
from shardline.pipeline.runners.passing import CAN_PASS, exit_code_can_pass

_BY_SIGNAL = 128
_PROGRAM = "shardline.pipeline.runners.component_program"
# Less than this process has itself: it records the end before it is killed.
_END_WITHIN_S = END_WITHIN_S - 1.0


class ComponentEndedError(RuntimeError):
    """The process of a component ended and gave no result."""


class ComponentKilledError(ComponentEndedError):
    """It was ended from outside, so that another try may succeed."""


def run_in_own_process(
    spec: executable_spec_pb2.PythonClassExecutableSpec,
    execution: data_types.ExecutionInfo,
) -> execution_result_pb2.ExecutorOutput:
    """Runs an executor, and returns what it gives.

    Call it in the main thread: an interruption ends the process, too.

    Args:
        spec: the class of the executor.
        execution: its inputs, outputs and parameters.

    Raises:
        ComponentEndedError: if the process ended without result.
        Exception: what the executor raised.
    """
    answers, other_end = multiprocessing.Pipe(duplex=False)
    with tempfile.TemporaryFile() as request, answers:
        invocation = execution.to_proto().SerializeToString()
        pickle.dump((spec.SerializeToString(), invocation), request)
        request.seek(0)
        with other_end:
            process = start_bound(
                _command(other_end.fileno()),
                os.environ,
                stdin=request,
                pass_fds=[other_end.fileno()],
            )
        try:
            return _answer(answers, process)
        except KeyboardInterrupt:
            process.terminate()
            raise
        finally:
            _await_end(process)


def _command(descriptor: int) -> list[str]:
    return [sys.executable, "-P", "-m", _PROGRAM, str(descriptor)]


def _answer(
    answers: "Connection[Any, Any]", process: "subprocess.Popen[bytes]"
) -> execution_result_pb2.ExecutorOutput:
    """Passes on what is logged, until there is a result or an error."""
    while True:
        try:
            kind, value = answers.recv()
        except (EOFError, OSError, pickle.UnpicklingError):
            # It has ended, perhaps while it sent; else its next answer would hang.
            answers.close()
            raise _without_answer(process.wait()) from None
        match kind:
            case "log":
                name, level, text = value
                logging.getLogger(name).log(level, "%s", text)
            case "result":
                return execution_result_pb2.ExecutorOutput.FromString(value)
            case "error":
                raise with_causes(value)


def _without_answer(code: int) -> ComponentEndedError:
    """Returns the error of a process that ended with an exit code and said nothing."""
    is_killed = code != CAN_PASS and exit_code_can_pass(code)
    error = ComponentKilledError if is_killed else ComponentEndedError
    # A process that cleans up at a signal ends with a code as shells have it.
    ending = how_ended(_BY_SIGNAL - code if is_killed and code > 0 else code)
    return error(f"The process of the component {ending}.")


def with_causes(errors: Sequence[bytes]) -> Exception:
    """Returns an error with those that it followed on, which pickling loses.

    Args:
        errors: pickled, each after the one that it caused.
    """
    first, *causes = map(pickle.loads, errors)
    error = first
    for cause in causes:
        error.__cause__ = cause
        error = cause
    assert isinstance(first, Exception)
    return first


def _await_end(process: "subprocess.Popen[bytes]") -> None:
    """Waits for a process that has nothing left to do, and kills it if it goes on."""
    try:
        process.wait(_END_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
