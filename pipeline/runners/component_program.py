"""The process of one component; started by `runners.component_process`.

Reads from its input what to run, and answers through the descriptor of the command
line. All other output belongs to the log of the run.
"""

import logging
import pickle
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from multiprocessing.connection import Connection
from typing import Any

from shardline.components.checker.preflight import find_user_modules
from shardline.pipeline.runners.interruption import end_interrupted, stops_as_at_ctrl_c


class Answers:
    """What the process tells; any thread may."""

    def __init__(self, connection: "Connection[Any, Any]"):
        """Takes the writing end of a pipe."""
        self._connection = connection
        self._lock = threading.Lock()

    def send(self, kind: str, value: Any) -> None:
        """Sends one answer.

        Args:
            kind: "log", "result" or "error".
            value: name, level and text; the bytes of an ExecutorOutput; or pickled
                errors.
        """
        with self._lock:
            self._connection.send((kind, value))


class LogHandler(logging.Handler):
    """Sends what the project logs to the process of the run, which logs it."""

    def __init__(self, answers: Answers):
        """Sends through `answers`."""
        super().__init__()
        self._answers = answers

    def emit(self, record: logging.LogRecord) -> None:
        """Sends one record."""
        value = record.name, record.levelno, record.getMessage()
        self._answers.send("log", value)


def pickled(error: BaseException) -> list[bytes]:
    """Returns an error and those that it followed on, each by itself.

    Args:
        error: may hold what cannot be pickled; its class and message are told then.
    """
    return [_pickled(one) for one in _chain(error)]


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        hidden = error.__suppress_context__
        error = error.__cause__ or (None if hidden else error.__context__)


def _pickled(error: BaseException) -> bytes:
    try:
        text = pickle.dumps(error)
        if str(pickle.loads(text)) == str(error):
            return text
    except Exception:
        pass  # whatever its class does not do
    return pickle.dumps(RuntimeError(f"{type(error).__name__}: {error}"))


def _run(spec_text: bytes, invocation: bytes) -> bytes:
    """Runs an executor; returns its output, serialized."""
    from tfx.orchestration.portable import data_types, python_executor_operator
    from tfx.proto.orchestration import executable_spec_pb2, execution_invocation_pb2
    from tfx.types import standard_artifacts  # noqa: F401  known by name from then on

    spec = executable_spec_pb2.PythonClassExecutableSpec.FromString(spec_text)
    # Imports the executor, and with it the project's classes of artifacts.
    operator = python_executor_operator.PythonExecutorOperator(spec)
    operator.extra_flags = list(spec.extra_flags)
    execution = data_types.ExecutionInfo.from_proto(
        execution_invocation_pb2.ExecutionInvocation.FromString(invocation)
    )
    output: bytes = operator.run_executor(execution).SerializeToString()
    return output


def main() -> int:
    """Runs what is asked for, and returns the exit code."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = Answers(Connection(int(sys.argv[1]), readable=False))
    spec, invocation = pickle.load(sys.stdin.buffer)
    logging.basicConfig(level=logging.INFO)
    log = logging.getLogger("shardline")
    log.propagate = False
    log.setLevel(logging.INFO)
    log.addHandler(LogHandler(answers))
    find_user_modules()
    try:
        with stops_as_at_ctrl_c():
            answers.send("result", _run(spec, invocation))
    except Exception as error:
        traceback.print_exc()
        answers.send("error", pickled(error))
        return 1
    except KeyboardInterrupt as signalled:
        end_interrupted(signalled)
    return 0


if __name__ == "__main__":
    sys.exit(main())
