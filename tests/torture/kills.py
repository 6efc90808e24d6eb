"""Kills trainings by signal 9 while they save, and says what the kills left behind.

Run as a program. TensorFlow is imported once, and each training is a fork that begins
to use it: importing takes seconds, and five hundred trainings are to be killed. One
training goes on where the one before it was killed, until its last step; then another
begins in a new folder.

Two kinds of kills take turns: at a random moment, and at a place in the code that has a
name (`embedding/checkpoint/crash_points.py`). The names are found in the code.
"""

import argparse
import collections
import ctypes
import dataclasses
import json
import os
import random
import re
import select
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import kill_worker
import set_checks
import small_training

import shardline
from shardline.embedding.checkpoint.sets.folder import SetFolder
from shardline.embedding.native.library import CHOICE

_MOST_PASSES = 8
# A place that no training came to so often is left out.
_MOST_TRIES = 8
_LATEST_KILL_S = 0.5
_HANGS_AFTER_S = 120.0
_PROGRESS_EVERY = 25
_SET_SIGNAL_OF_PARENTS_DEATH = 1
_ENGINE = Path(shardline.__file__).parent / "embedding"
_POINT = re.compile(r'\bcrash_point\(\s*"(\w+)"')


def point_names() -> list[str]:
    """Returns the names of all places in the code at which a kill can be asked for."""
    sources = [*_ENGINE.rglob("*.py")]
    if os.environ.get(CHOICE) != "stock":
        sources += _ENGINE.rglob("*.cc")
    found = {name for path in sources for name in _POINT.findall(path.read_text())}
    return sorted(found)


@dataclasses.dataclass(frozen=True)
class Plan:
    """How a training is to be killed.

    Attributes:
        crash_at: NAME:COUNT of a place in the code; "" for a random moment.
        after: the report after which a random moment comes.
        delay_s: the moment, in seconds after that report.
    """

    crash_at: str = ""
    after: str = ""
    delay_s: float = 0.0


class Fork:
    """A forked training, whose reports are read."""

    def __init__(self, new_worker: Callable[[int], Any], seed: int, plan: Plan):
        """Starts it.

        Args:
            new_worker: makes a `KillWorker` that reports into a pipe.
            seed: the worker's.
            plan: how it is to be killed.
        """
        self._plan = plan
        self._read, write = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            # No worker outlives this program.
            ctypes.CDLL(None).prctl(_SET_SIGNAL_OF_PARENTS_DEATH, signal.SIGKILL)
            _end_after(lambda: new_worker(write).run(seed, plan.crash_at))
        os.close(write)

    def reports(self) -> Iterator[dict[str, Any]]:
        """Yields what it reports until it ends; kills it at the moment planned."""
        text = b""
        kill_at = hangs_at = time.monotonic() + _HANGS_AFTER_S
        while True:
            left_s = max(kill_at - time.monotonic(), 0.0)
            if not select.select([self._read], [], [], left_s)[0]:
                os.kill(self._pid, signal.SIGKILL)
                if kill_at == hangs_at:
                    yield {"event": "failed", "text": "it hung"}
                kill_at = time.monotonic() + _HANGS_AFTER_S
                continue
            read = os.read(self._read, 65536)
            if not read:
                return
            *lines, text = (text + read).split(b"\n")
            for line in lines:
                report = json.loads(line)
                if report["event"] == self._plan.after:
                    kill_at = time.monotonic() + self._plan.delay_s
                yield report

    def wait(self) -> int:
        """Returns its exit code; minus the number of the signal that killed it."""
        os.close(self._read)
        return os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])


def _end_after(work: Callable[[], None]) -> NoReturn:
    """Ends the process after the work, without what Python does at an end."""
    code = 1
    try:
        work()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


class Torture:
    """Trainings one after the other, each killed, and what is known of their sets."""

    def __init__(self, folder: Path, seed: int):
        """Trains once without a stop, to know what each step must have."""
        self._root = folder
        self._chance = random.Random(seed)
        self._digests = _digests()
        self._passes = dict.fromkeys(point_names(), _MOST_PASSES)
        self._in_vain: collections.Counter[str] = collections.Counter()
        self.counts: collections.Counter[str] = collections.Counter()
        self.killed_at = dict.fromkeys(point_names(), 0)
        self.faults: list[str] = []
        self._begin_folder()

    def run(self, kills: int) -> None:
        """Starts trainings until so many were killed, and lets the last one end."""
        while self.counts["kills"] < kills:
            self._life(self._plan())
            if self.counts["kills"] % _PROGRESS_EVERY == 0:
                print(f"{self.counts['kills']} kills", file=sys.stderr)
        while not self._life(Plan()):
            pass

    def _new_worker(self, pipe: int) -> kill_worker.KillWorker:
        return kill_worker.KillWorker(self._root, pipe, self._digests, self._restored)

    def _begin_folder(self) -> None:
        shutil.rmtree(self._root, ignore_errors=True)
        self._root.mkdir(parents=True)
        self._durable: set[int] = set()
        self._pinned: set[int] = set()
        self._restored: set[str] = set()
        self._ended = False
        self.counts["trainings"] += 1

    def _plan(self) -> Plan:
        if self.counts["kills"] % 2:
            names = [n for n in self.killed_at if self._in_vain[n] < _MOST_TRIES]
            least = min(self.killed_at[name] for name in names)
            rarest = [name for name in names if self.killed_at[name] <= least + 1]
            name = self._chance.choice(rarest)
            return Plan(f"{name}:{self._chance.randint(1, self._passes[name])}")
        after, latest_s = self._chance.choice(
            [("built", 0.3), ("restored", 0.1), *[("saving", _LATEST_KILL_S)] * 4]
        )
        return Plan(after=after, delay_s=self._chance.uniform(0, latest_s))

    def _life(self, plan: Plan) -> bool:
        """Runs one training until it is killed; returns whether it came to its end."""
        seed = self._chance.randrange(2**31)
        fork = Fork(self._new_worker, seed, plan)
        for report in fork.reports():
            self._take(report)
        code = fork.wait()
        name = plan.crash_at.partition(":")[0]
        if code == -signal.SIGKILL:
            self.counts["kills"] += 1
            self.counts["kills at points" if name else "kills at random"] += 1
            if name:
                self.killed_at[name] += 1
        elif code != 0:
            self._fault(f"a training ended by {code}; it was to be killed: {plan}")
        elif name:
            self._in_vain[name] += self._passes[name] == 1
            # It is passed more rarely than that.
            self._passes[name] = max(self._passes[name] // 2, 1)
        self._check_nothing_is_lost(plan)
        if self._ended:
            self._begin_folder()
        return code == 0

    def _fault(self, text: str) -> None:
        self.faults.append(text)
        print(f"after {self.counts['kills']} kills: {text}", file=sys.stderr)

    def _take(self, report: dict[str, Any]) -> None:
        """Keeps what a training says."""
        for fault in report.get("faults", []):
            self._fault(fault)
        match report["event"]:
            case "checked":
                self._restored |= set(report["restored"])
                self.counts["sets verified"] += report["sets"]
                self.counts["sets restored"] += len(report["restored"])
            case "restored":
                self.counts["sets restored"] += report["step"] >= 0
                if report["step"] < max(self._durable, default=-1):
                    self._fault(
                        f"step {report['step']} was restored, and "
                        f"{max(self._durable)} was durable"
                    )
            case "durable":
                self._durable.add(report["step"])
                self._pinned |= {report["step"]} if report["pinned"] else set()
                self.counts[f"{report['kind']} sets saved"] += 1
            case "ended":
                self._ended = report["step"] == kill_worker.LAST_STEP
            case "unpinned":
                self._pinned.discard(report["step"])

    def _check_nothing_is_lost(self, plan: Plan) -> None:
        there = {one.step for one in SetFolder(self._root).sets()}
        lost = set_checks.lost_steps(
            self._durable, self._pinned, there, small_training.SmallTraining.keep
        )
        if lost:
            self._fault(f"after {plan}: durable steps {lost} are lost")
        self.counts["durable sets looked for"] += len(self._durable)
        self._durable |= there


def _digests() -> list[str]:
    """Returns the digest of each step, from a process of its own."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        _end_after(lambda: _send(write, json.dumps(kill_worker.digests_by_step())))
    os.close(write)
    with open(read) as pipe:
        digests: list[str] = json.load(pipe)
    os.waitpid(pid, 0)
    return digests


def _send(pipe: int, text: str) -> None:
    with open(pipe, "w") as file:
        file.write(text)


def main() -> None:
    """Prints what was found as one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, required=True)
    parser.add_argument("--seed", type=int, default=15)
    options = parser.parse_args()
    started_s = time.monotonic()
    torture = Torture(options.folder / "sets", options.seed)
    torture.run(options.kills)
    report = {
        "counts": torture.counts,
        "killed at": torture.killed_at,
        "faults": torture.faults,
        "seconds": round(time.monotonic() - started_s, 1),
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
