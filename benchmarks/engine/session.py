"""The measuring side: starts programs, asks them in turn, and names one that fails."""

import json
import os
import select
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, NamedTuple

FOLDER = Path("build/bench")
RIVALS_PYTHON = FOLDER / "rivals-venv/bin/python"
_LOGS = FOLDER / "logs"
_ANSWER_TIMEOUT_S = 240
_TAIL_LINES = 25
# Stock ops in place of ours would be measured without a word.
_ENVIRONMENT = {"SHARDLINE_KERNELS": "native", "TF_CPP_MIN_LOG_LEVEL": "2"}

# By "section/program/what", the times of each round's calls in seconds.
Times = dict[str, list[list[float]]]


class ProgramError(RuntimeError):
    """A measured program failed; the message says which, and ends with its output."""


class Program(NamedTuple):
    """A program to measure.

    Attributes:
        name: what reports call it.
        module: below `package`.
        arguments: of its command line.
        measures: what to ask it for.
        python: the interpreter of its environment.
        environment: variables beside those of this process.
        package: of the module.
    """

    name: str
    module: str
    arguments: Sequence[str]
    measures: Sequence[str]
    python: str = sys.executable
    environment: Mapping[str, str] = MappingProxyType({})
    package: str = "benchmarks.engine.programs"


class Asking(NamedTuple):
    """How long to ask a program for one thing, in each round.

    Attributes:
        seconds: stop asking for more calls after so many.
        calls: at most; at least 2 are made.
    """

    seconds: float = 1.5
    calls: int = 20


DEFAULT_ASKING = Asking()


class Running:
    """A started program."""

    def __init__(self, program: Program, section: str):
        """Starts it; `wait_ready` waits until it is set up."""
        self.program = program
        self.versions: dict[str, str] = {}
        self.peak_bytes = 0
        _LOGS.mkdir(parents=True, exist_ok=True)
        self._log = _LOGS / f"{section}-{program.name.replace(' ', '-')}.log"
        module = f"{program.package}.{program.module}"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [program.python, "-m", module, *program.arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**_ENVIRONMENT, **os.environ, **program.environment},
            )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._requests, self._answers = self._process.stdin, self._process.stdout

    def wait_ready(self) -> None:
        """Waits until the program has set up and warmed up."""
        self.versions = self._answer()["versions"]

    def ask(self, what: str, asking: Asking) -> list[float]:
        """Returns the time of each call, in seconds.

        Raises:
            ProgramError: if the program has ended or does not answer.
        """
        request = {"what": what, **asking._asdict()}
        try:
            self._requests.write(json.dumps(request).encode() + b"\n")
            self._requests.flush()
        except BrokenPipeError:
            raise self._failure("ended") from None
        answer = self._answer()
        self.peak_bytes = answer["peak_bytes"]
        return list(answer["seconds"])

    def __enter__(self) -> "Running":
        """Returns the program."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Ends the program and frees its memory."""
        self._process.kill()
        self._process.wait()
        self._requests.close()
        self._answers.close()

    def _answer(self) -> Any:
        if not select.select([self._answers], [], [], _ANSWER_TIMEOUT_S)[0]:
            raise self._failure(f"did not answer within {_ANSWER_TIMEOUT_S} s")
        line = self._answers.readline()
        if not line:
            raise self._failure(f"ended with exit code {self._process.wait()}")
        return json.loads(line)

    def _failure(self, reason: str) -> ProgramError:
        lines = self._log.read_text(errors="replace").splitlines()
        # PyTorch's errors end with pages of dispatch tables.
        errors = [line for line in lines[:-_TAIL_LINES] if "Error" in line]
        tail = "\n".join(errors[-5:] + lines[-_TAIL_LINES:])
        return ProgramError(
            f"The program `{self.program.name}` ({self.program.package}."
            f"{self.program.module}) {reason}. The end of {self._log}:\n{tail}"
        )


class Outcome(NamedTuple):
    """What a section's programs said.

    Attributes:
        times: by "section/program/what".
        peak_bytes: the largest resident size, by "section/program".
        versions: of what the programs use.
    """

    times: Times
    peak_bytes: dict[str, int]
    versions: dict[str, str]

    def __or__(self, other: "Outcome") -> "Outcome":
        """Returns both."""
        return Outcome(
            self.times | other.times,
            self.peak_bytes | other.peak_bytes,
            self.versions | other.versions,
        )


def measure(
    section: str,
    programs: Sequence[Program],
    rounds: int,
    asking: Asking = DEFAULT_ASKING,
) -> Outcome:
    """Measures programs in turn, so that each round meets the same machine.

    Args:
        section: first part of the keys of what comes out.
        programs: what to run; they stay alive together.
        rounds: how often to ask each; every other round in reverse order.
        asking: how long to ask for each thing.

    Raises:
        ProgramError: if one fails.
    """
    times: Times = {}
    with ExitStack() as stack:
        # Set-ups may overlap, measurements may not.
        start_s = time.monotonic()
        running = [stack.enter_context(Running(p, section)) for p in programs]
        for one in running:
            one.wait_ready()
            seconds = time.monotonic() - start_s
            print(f"  {one.program.name} is set up ({seconds:.0f} s)", flush=True)
        for number in range(rounds):
            print(f"  round {number + 1} of {rounds}", flush=True)
            for one in running if number % 2 == 0 else reversed(running):
                for what in one.program.measures:
                    spent = one.ask(what, asking)
                    key = f"{section}/{one.program.name}/{what}"
                    times.setdefault(key, []).append(spent)
        peaks = {f"{section}/{r.program.name}": r.peak_bytes for r in running}
        versions = {name: v for r in running for name, v in r.versions.items()}
    return Outcome(times, peaks, versions)


def median_s(times: Times, key: str) -> float:
    """Returns the median over all rounds, in seconds."""
    return statistics.median(statistics.median(calls) for calls in times[key])


def ratio(times: Times, of: str, to: str) -> float:
    """Returns the median over rounds of one time divided by another of that round."""
    return statistics.median(
        statistics.median(a) / statistics.median(b)
        for a, b in zip(times[of], times[to], strict=True)
    )
