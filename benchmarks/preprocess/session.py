"""The measuring side: starts programs in turn, and names one that fails."""

import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.engine.session import FOLDER, ProgramError

OUTPUTS = FOLDER / "preprocess-outputs"
_LOGS = FOLDER / "logs"
_TAIL_LINES = 25
# Libraries may log; what they log must not be in the way of what programs say.
_ENVIRONMENT = {"TF_CPP_MIN_LOG_LEVEL": "2"}


class Took(NamedTuple):
    """What a job took, without the imports of its program.

    Attributes:
        cpu_s: processor time of all its processes.
        wall_s: time on the wall.
        peak_bytes: resident memory of the process that had most.
    """

    cpu_s: float
    wall_s: float
    peak_bytes: int


class Outcome(NamedTuple):
    """What programs said.

    Attributes:
        took: by "section/program", one for each round.
        found: what was found out beside, by section.
        versions: of what the programs use.
    """

    took: dict[str, list[Took]]
    found: dict[str, Any]
    versions: dict[str, str]

    def __or__(self, other: "Outcome") -> "Outcome":
        """Returns both."""
        return Outcome(
            self.took | other.took,
            self.found | other.found,
            self.versions | other.versions,
        )

    def as_json(self) -> str:
        """Returns the outcome as text."""
        return json.dumps(self)

    @classmethod
    def from_json(cls, text: str) -> "Outcome":
        """Returns what `as_json` was called on."""
        took, found, versions = json.loads(text)
        rounds = {key: [Took(*took) for took in each] for key, each in took.items()}
        return cls(rounds, found, versions)


class Program(NamedTuple):
    """A program to run.

    Attributes:
        name: what reports call it.
        module: below `package`.
        arguments: of its command line.
        limit_s: when to give it up.
        package: of the module.
        python: the interpreter of its environment.
    """

    name: str
    module: str
    arguments: Sequence[str | Path]
    limit_s: float = 600
    package: str = "benchmarks.preprocess"
    python: str = sys.executable


def run(program: Program) -> Any:
    """Runs a program; returns what it says in JSON, None if nothing.

    Raises:
        ProgramError: if it fails or takes longer than its limit.
    """
    _LOGS.mkdir(parents=True, exist_ok=True)
    benchmark = program.package.split(".")[1]
    path = _LOGS / f"{benchmark}-{program.name.replace('/', '-').replace(' ', '-')}.log"
    module = f"{program.package}.{program.module}"
    with path.open("wb") as log:
        process = subprocess.Popen(
            [program.python, "-m", module, *map(str, program.arguments)],
            stdout=subprocess.PIPE,
            stderr=log,
            env={**_ENVIRONMENT, **os.environ},
            start_new_session=True,
        )
        reason = None
        try:
            said, _ = process.communicate(timeout=program.limit_s)
        except subprocess.TimeoutExpired:
            reason = f"took more than {program.limit_s:g} s"
        finally:
            _end(process)
    if process.returncode and reason is None:
        reason = f"ended with exit code {process.returncode}"
    if reason:
        tail = "\n".join(path.read_text(errors="replace").splitlines()[-_TAIL_LINES:])
        raise ProgramError(
            f"The program `{program.name}` ({module}) {reason}. The end of {path}:\n"
            f"{tail}"
        )
    return json.loads(said) if said.strip() else None


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Ends a program, and what it started and left behind."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.communicate()


def measure(
    section: str,
    programs: Sequence[Program],
    rounds: int,
    profiles: Path | None = None,
) -> Outcome:
    """Runs programs in turn, so that each round meets the same machine.

    Each gets one argument more, an empty folder for its outputs: `output_of` it.

    Args:
        section: first part of the keys of what comes out.
        programs: what to run, each alone.
        rounds: how often to run each; every other round in reverse order.
        profiles: folder for a profile of each program.

    Raises:
        ProgramError: if one fails.
    """
    outcome = Outcome({}, {}, {})
    for number in range(rounds):
        for program in programs if number % 2 == 0 else reversed(programs):
            key = f"{section}/{program.name}"
            output = output_of(key)
            shutil.rmtree(output, ignore_errors=True)
            output.mkdir(parents=True)
            arguments = [*program.arguments, output]
            if profiles:
                arguments += ["--profile", profiles / f"{output.name}.prof"]
            said = run(program._replace(name=key, arguments=arguments))
            outcome.versions.update(said.pop("versions"))
            took = Took(**said)
            outcome.took.setdefault(key, []).append(took)
            print(
                f"  round {number + 1} of {rounds}, {program.name}: "
                f"{took.cpu_s:.1f} s of processor in {took.wall_s:.1f} s",
                flush=True,
            )
    return outcome


def output_of(key: str) -> Path:
    """Returns where the outputs of "section/program" are."""
    return OUTPUTS / key.replace("/", "-").replace(" ", "-")


def median_cpu_s(outcome: Outcome, key: str) -> float:
    """Returns the median over the rounds."""
    return statistics.median(took.cpu_s for took in outcome.took[key])


def peak_bytes(outcome: Outcome, key: str) -> int:
    """Returns the most of all rounds."""
    return max(took.peak_bytes for took in outcome.took[key])


def cpu_ratio(outcome: Outcome, of: str, to: str) -> float:
    """Returns the median over rounds of one's processor time by that of another."""
    return statistics.median(
        a.cpu_s / b.cpu_s
        for a, b in zip(outcome.took[of], outcome.took[to], strict=True)
    )
