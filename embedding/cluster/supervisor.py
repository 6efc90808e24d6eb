"""Keeps the host processes of one machine running.

Starts a process for each host of this machine, with a TF_CONFIG of its own, notices
when one ends, and starts it again on its address: at once after its first end, then
after longer and longer waits. A host that has ended too often is given up, and with it
all of them, so that whoever watches the supervisor learns of it. A host that hangs,
that is, whose process is there but does not answer, is killed, and so ends: by then its
chief has given it up.

Knows nothing of tables: those of a host are lost with its process, and the chief
restores them (`embedding.cluster.recovery`). If the supervisor itself is killed, its
hosts are killed with it.
"""

import collections
import concurrent.futures
import dataclasses
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence

from shardline.embedding.cluster.bound_process import start_bound
from shardline.embedding.cluster.cluster import Cluster
from shardline.embedding.cluster.liveness import silent_servers, split_address

_log = logging.getLogger(__name__)

_LOOK_EVERY_S = 0.1
_ASK_EVERY_S = 5.0
_ASK_AT_START_EVERY_S = 1.0
_STOP_WITHIN_S = 10.0
_FIRST_WAIT_S = 1.0
_LONGEST_WAIT_S = 30.0


class HostGivenUpError(RuntimeError):
    """A host ended so often that it is not started again."""


@dataclasses.dataclass(frozen=True)
class Patience:
    """How much the supervisor puts up with.

    Attributes:
        ends: how often a host may end within `ends_within_s`; once more gives it up.
        ends_within_s: the time span that counts, in seconds.
        silent_s: how long a host that has served may not answer before it is killed, in
            seconds. Longer than the 24 s in which a chief gives it up.
        start_within_s: how long a host may take from its start to its first answer
            before it is killed, in seconds.
    """

    ends: int = 10
    ends_within_s: float = 600.0
    silent_s: float = 30.0
    start_within_s: float = 300.0


DEFAULT_PATIENCE = Patience()
SERVE_HOST = (sys.executable, "-m", "shardline.embedding.cluster")


def check_known(cluster: Cluster, named: Sequence[int]) -> None:
    """Checks that a cluster has the hosts that a person has named by their indices.

    Raises:
        ValueError: if it has not.
    """
    count = len(cluster.workers)
    if unknown := sorted({host for host in named if not 0 <= host < count}):
        raise ValueError(
            f"There is no worker {', '.join(map(str, unknown))}: the cluster has the "
            f"workers 0 to {count - 1}."
        )


def hosts_here(cluster: Cluster, named: Sequence[int] = ()) -> list[int]:
    """Returns the indices of the hosts that a supervisor of this machine keeps.

    Args:
        cluster: all tasks.
        named: those that a person has named; none: those whose address is one of this
            machine.

    Raises:
        ValueError: if there are none, or no such hosts.
    """
    if named:
        check_known(cluster, named)
        return sorted(set(named))
    addresses = cluster.workers
    here = [index for index, address in enumerate(addresses) if _is_here(address)]
    if not here:
        raise ValueError(
            f"None of the workers {', '.join(addresses)} has an address of this "
            "machine. Run the supervisor where workers are, or name those that are "
            "here by their indices."
        )
    return here


def supervise(
    cluster: Cluster,
    hosts: Sequence[int],
    is_over: Callable[[], bool],
    patience: Patience = DEFAULT_PATIENCE,
    command: Sequence[str] = SERVE_HOST,
) -> None:
    """Starts host processes and keeps them running until told to stop them.

    Tells each start and end in the log. All processes have ended when it returns, or
    raises.

    Args:
        cluster: all tasks.
        hosts: indices of the hosts to run here.
        is_over: asked several times a second; True stops the hosts.
        patience: when a host counts as hung, and when it is given up.
        command: serves the host that TF_CONFIG names.

    Raises:
        HostGivenUpError: if a host ended too often.
    """
    with concurrent.futures.ThreadPoolExecutor(max(len(hosts), 1)) as askers:
        kept = [_KeptHost(cluster, index, patience, command, askers) for index in hosts]
        try:
            while not is_over():
                for host in kept:
                    host.look_after()
                time.sleep(_LOOK_EVERY_S)
        finally:
            _stop([host.process for host in kept if host.process])


class _KeptHost:
    """One host: the process that serves it now, and how the earlier ones ended."""

    def __init__(
        self,
        cluster: Cluster,
        index: int,
        patience: Patience,
        command: Sequence[str],
        askers: concurrent.futures.Executor,
    ):
        self.process: subprocess.Popen[bytes] | None = None
        self._address = cluster.workers[index]
        self._name = f"worker {index} at {self._address}"
        self._environment = os.environ | {"TF_CONFIG": cluster.tf_config_of(index)}
        self._patience = patience
        self._command = command
        self._ends_s: collections.deque[float] = collections.deque()
        self._start_at_s = 0.0
        self._started_s = 0.0
        self._answered_s: float | None = None
        self._askers = askers
        self._question: concurrent.futures.Future[bool] | None = None
        self._ask_at_s = 0.0

    def look_after(self) -> None:
        """Starts the process if it is due, notices its end, kills it if it hangs.

        Raises:
            HostGivenUpError: if it has ended too often.
        """
        if self.process is None:
            if time.monotonic() >= self._start_at_s:
                self._start()
        elif self.process.poll() is not None:
            status, self.process = self.process.returncode, None
            self._note_end(_ending(status))
        else:
            self._ask()
            self._kill_if_silent(self.process)

    def _start(self) -> None:
        self.process = start_bound(self._command, self._environment)
        self._started_s = self._ask_at_s = time.monotonic()
        self._answered_s = self._question = None
        _log.info("%s started as process %d", self._name, self.process.pid)

    def _note_end(self, ending: str) -> None:
        now_s, patience = time.monotonic(), self._patience
        self._ends_s.append(now_s)
        while self._ends_s[0] < now_s - patience.ends_within_s:
            self._ends_s.popleft()
        ends = len(self._ends_s)
        often = f"end {ends} within {patience.ends_within_s:.0f} s"
        if ends > patience.ends:
            raise HostGivenUpError(
                f"{self._name} {ending}: {often}, at most {patience.ends} are put up "
                "with. It is not started again, and the other workers of this machine "
                "are stopped. What it printed says why it ended; mend that, and start "
                "the supervisor again."
            )
        wait_s = _wait_s(ends)
        self._start_at_s = now_s + wait_s
        _log.warning(
            "%s %s: %s of at most %d; it is started again in %.0f s",
            *(self._name, ending, often, patience.ends, wait_s),
        )

    def _ask(self) -> None:
        """Asks the server now and then whether it lives; never waits for the answer."""
        now_s = time.monotonic()
        if self._question is None:
            if now_s >= self._ask_at_s:
                self._question = self._askers.submit(
                    _answers, self._address, self._patience.silent_s
                )
        elif self._question.done():
            if self._question.result():
                self._note_answer(now_s)
            self._question = None
            serves = self._answered_s is not None
            self._ask_at_s = now_s + (_ASK_EVERY_S if serves else _ASK_AT_START_EVERY_S)

    def _note_answer(self, now_s: float) -> None:
        if self._answered_s is None:
            seconds = now_s - self._started_s
            _log.info("%s serves, %.1f s after its start", self._name, seconds)
        self._answered_s = now_s

    def _kill_if_silent(self, process: "subprocess.Popen[bytes]") -> None:
        now_s, patience = time.monotonic(), self._patience
        if self._answered_s is None:
            if now_s - self._started_s <= patience.start_within_s:
                return
            fault = f"does not serve {patience.start_within_s:.0f} s after its start"
        else:
            if now_s - self._answered_s <= patience.silent_s + _ASK_EVERY_S:
                return
            fault = f"has not answered for {patience.silent_s:.0f} s"
        _log.warning("%s %s: process %d is killed", self._name, fault, process.pid)
        process.kill()
        process.wait()


def _is_here(address: str) -> bool:
    """Returns whether an address is one of this machine: only such can be bound."""
    name, _ = split_address(address)
    try:
        found = socket.getaddrinfo(name, 0, type=socket.SOCK_STREAM)
    except OSError:
        return False
    return any(_can_bind(family, place) for family, _, _, _, place in found)


def _can_bind(family: socket.AddressFamily, place: tuple[object, ...]) -> bool:
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        try:
            probe.bind(place)
        except OSError:
            return False
    return True


def _answers(address: str, within_s: float) -> bool:
    return not silent_servers([address], within_s)


def _ending(status: int) -> str:
    """Returns how a process ended, from its exit status as `subprocess` has it."""
    if status >= 0:
        return f"ended with exit status {status}"
    try:
        return f"was ended by {signal.Signals(-status).name}"
    except ValueError:
        return f"was ended by signal {-status}"


def _wait_s(ends: int) -> float:
    """Returns how long to wait after so many ends: none, then ever twice as long."""
    return 0.0 if ends == 1 else min(_FIRST_WAIT_S * 2 ** (ends - 2), _LONGEST_WAIT_S)


def _stop(processes: Sequence["subprocess.Popen[bytes]"]) -> None:
    """Ends processes by SIGTERM, and by SIGKILL those that do not obey."""
    for process in processes:
        process.terminate()
    deadline_s = time.monotonic() + _STOP_WITHIN_S
    for process in processes:
        try:
            process.wait(max(deadline_s - time.monotonic(), 0))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
