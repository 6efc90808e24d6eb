"""What a supervisor does about hosts that end, hang and never serve."""

import logging
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from shardline.embedding.cluster import Cluster
from shardline.embedding.cluster import supervisor as module
from shardline.embedding.cluster.liveness import await_servers, silent_servers
from shardline.embedding.cluster.supervisor import (
    HostGivenUpError,
    Patience,
    hosts_here,
    supervise,
)

pytestmark = pytest.mark.timeout(600)

SMALL_HOST = str(Path(__file__).with_name("small_host.py"))
WITHIN_S = 120


class Supervised:
    """A supervisor in a thread, over hosts that start in no time."""

    def __init__(self, processes, caplog, monkeypatch):
        self.started = []
        self.behaviours = {}
        self._caplog = caplog
        self._processes = processes
        self._is_over = False
        self._error = None
        self._thread = None
        monkeypatch.setattr(module, "start_bound", self._start)
        monkeypatch.setattr(module, "_ASK_EVERY_S", 0.1)
        monkeypatch.setattr(module, "_ASK_AT_START_EVERY_S", 0.1)
        monkeypatch.setattr(module, "_STOP_WITHIN_S", 1.0)

    def run(self, hosts=2, **patience):
        ports = self._processes.free_ports(hosts)
        addresses = tuple(f"127.0.0.1:{port}" for port in ports)
        self.cluster = Cluster("127.0.0.1:1", addresses, "chief", 0)

        def run():
            try:
                supervise(
                    self.cluster,
                    range(hosts),
                    lambda: self._is_over,
                    Patience(**patience),
                )
            except HostGivenUpError as error:
                self._error = error

        self._thread = threading.Thread(target=run)
        self._thread.start()

    def of(self, host):
        """Returns the processes that were started for a host."""
        return [process for index, process in self.started if index == host]

    def await_serving(self, host, starts=1):
        address = self.cluster.workers[host]
        self.await_that(
            lambda: len(self.of(host)) == starts and not silent_servers([address], 1)
        )

    def await_that(self, condition):
        deadline_s = time.monotonic() + WITHIN_S
        while not condition():
            assert time.monotonic() < deadline_s, self.text
            time.sleep(0.02)

    @property
    def text(self):
        return "\n".join(record.getMessage() for record in self._caplog.records)

    def end(self):
        """Stops the supervisor; returns its error."""
        self._is_over = True
        return self.ended()

    def ended(self):
        """Waits for the supervisor's end; returns its error."""
        self._thread.join(WITHIN_S)
        assert not self._thread.is_alive()
        return self._error

    def _start(self, command, environment):
        assert command == module.SERVE_HOST
        place = Cluster.from_tf_config(environment["TF_CONFIG"])
        assert (place.workers, place.task_type) == (self.cluster.workers, "worker")
        behaviour = self.behaviours.get(place.task_index, "serve")
        process = START_BOUND(
            [sys.executable, "-S", SMALL_HOST], environment | {"BEHAVIOUR": behaviour}
        )
        self.started.append((place.task_index, process))
        return process


START_BOUND = module.start_bound


@pytest.fixture
def supervised(processes, caplog, monkeypatch):
    caplog.set_level(logging.INFO, module.__name__)
    made = Supervised(processes, caplog, monkeypatch)
    yield made
    made.end()
    assert all(process.returncode is not None for _, process in made.started)


def test_every_host_is_started_and_stopped(supervised):
    supervised.run(hosts=3)
    for host in range(3):
        supervised.await_serving(host)
    assert supervised.end() is None
    endings = [process.returncode for _, process in supervised.started]
    assert endings == [-signal.SIGTERM] * 3


def test_killed_host_is_named_and_started_again_on_its_address(supervised):
    supervised.run()
    for starts in (1, 2, 3):
        supervised.await_serving(1, starts)
        if starts < 3:
            supervised.of(1)[-1].kill()
    assert len(supervised.of(0)) == 1
    address = supervised.cluster.workers[1]
    told = (
        f"worker 1 at {address} was ended by SIGKILL: end {{}} within 600 s of at most"
    )
    assert f"{told.format(1)} 10; it is started again in 0 s" in supervised.text
    assert f"{told.format(2)} 10; it is started again in 1 s" in supervised.text


def test_waits_double_up_to_a_limit():
    waits = [module._wait_s(ends) for ends in (1, 2, 3, 4, 6, 7, 100)]
    assert waits == [0, 1, 2, 4, 16, 30, 30]


def test_host_that_ends_too_often_is_given_up_and_all_are_stopped(
    supervised, monkeypatch
):
    monkeypatch.setattr(module, "_FIRST_WAIT_S", 0.01)
    supervised.behaviours[1] = "fail"
    supervised.run(ends=3)
    error = supervised.ended()
    assert re.match(
        r"worker 1 at 127\.0\.0\.1:\d+ ended with exit status 3: end 4 within 600 s, "
        "at most 3 are put up with. It is not started again",
        str(error),
    )
    assert len(supervised.of(1)) == 4
    assert len(supervised.of(0)) == 1


def test_ends_long_ago_do_not_count(supervised, monkeypatch):
    monkeypatch.setattr(module, "_FIRST_WAIT_S", 0.01)
    supervised.run(hosts=1, ends=1, ends_within_s=0.1)
    for starts in (1, 2, 3, 4):
        supervised.await_serving(0, starts)
        time.sleep(0.2)
        supervised.of(0)[-1].kill()
    supervised.await_serving(0, 5)


def test_hung_host_is_killed_and_started_again(supervised):
    supervised.run(silent_s=0.5)
    supervised.await_serving(0)
    address = supervised.cluster.workers[1]
    supervised.await_that(lambda: f"worker 1 at {address} serves" in supervised.text)
    os.kill(supervised.of(1)[0].pid, signal.SIGSTOP)
    supervised.await_serving(1, starts=2)
    assert len(supervised.of(0)) == 1
    assert re.search(
        r"worker 1 at \S+ has not answered for 0 s: process \d+ is killed\n"
        r"worker 1 at \S+ was ended by SIGKILL",
        supervised.text,
    )


def test_host_that_never_serves_is_killed_and_started_again(supervised):
    supervised.behaviours[0] = "idle"
    supervised.run(hosts=1, start_within_s=1)
    supervised.await_that(lambda: len(supervised.of(0)) > 1)
    assert "does not serve 1 s after its start: process" in supervised.text


@pytest.mark.parametrize("trouble", ["deaf", "stopped"])
def test_host_that_does_not_obey_is_killed_at_the_end(supervised, trouble):
    supervised.behaviours[0] = trouble if trouble == "deaf" else "serve"
    supervised.run()
    supervised.await_serving(0)
    supervised.await_serving(1)
    if trouble == "stopped":
        os.kill(supervised.of(0)[0].pid, signal.SIGSTOP)
    supervised.end()
    assert supervised.of(0)[0].returncode == -signal.SIGKILL
    assert supervised.of(1)[0].returncode == -signal.SIGTERM


def test_hosts_of_this_machine_are_told_by_their_addresses(monkeypatch):
    def look_up(name, port, **options):
        # Of a range that no machine has: documentation's.
        name = "192.0.2.1" if name == "elsewhere.invalid" else name
        return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", (name, port))]

    monkeypatch.setattr(module.socket, "getaddrinfo", look_up)
    addresses = ("127.0.0.1:5", "elsewhere.invalid:5", "127.0.0.2:5")
    assert hosts_here(Cluster("127.0.0.1:1", addresses, "chief", 0)) == [0, 2]


def test_host_whose_name_is_unknown_is_not_here():
    addresses = ("no-such-host.invalid:5",)
    with pytest.raises(ValueError, match=r"None of the workers no-such-host\.inv"):
        hosts_here(Cluster("127.0.0.1:1", addresses, "chief", 0))


def test_unknown_signal_is_told_by_its_number():
    assert module._ending(-64) == "was ended by SIGRTMAX"
    assert module._ending(-200) == "was ended by signal 200"


class TestCommand:
    """`python -m shardline.embedding.cluster --supervise`."""

    @pytest.fixture
    def ports(self, processes):
        return processes.free_ports(3)

    @pytest.fixture
    def run(self, processes, ports):
        """Starts the command; returns its process."""
        started = []

        def run(*arguments):
            command = [sys.executable, "-m", "shardline.embedding.cluster"]
            process = subprocess.Popen(
                [*command, "--supervise", *arguments],
                env=os.environ | {"TF_CONFIG": processes.tf_config(ports, "chief", 0)},
                stderr=subprocess.PIPE,
                text=True,
                cwd=Path(__file__).parents[3],
            )
            started.append(process)
            return process

        yield run
        for process in started:
            process.kill()
            process.communicate(timeout=120)

    def started_hosts(self, process, count):
        """Reads the log until so many hosts were started; returns their processes."""
        pids = {}
        while len(pids) < count:
            line = process.stderr.readline()
            if found := re.search(
                r"worker (\d+) at \S+ started as process (\d+)", line
            ):
                pids[int(found[1])] = int(found[2])
        return pids

    @pytest.mark.slow
    def test_hosts_live_and_end_with_the_supervisor(self, run, ports):
        supervisor = run()
        pids = self.started_hosts(supervisor, 2)
        addresses = [f"127.0.0.1:{port}" for port in ports[1:]]
        assert await_servers(addresses, 100) == {}
        os.kill(pids[0], signal.SIGKILL)
        again = self.started_hosts(supervisor, 1)
        assert again.keys() == {0}
        assert await_servers(addresses, 100) == {}
        supervisor.terminate()
        assert supervisor.wait(120) == 0
        assert len(silent_servers(addresses, 1)) == 2

    @pytest.mark.slow
    def test_hosts_are_killed_with_a_supervisor_that_is_killed(self, run, ports):
        supervisor = run("--hosts", "1")
        assert self.started_hosts(supervisor, 1).keys() == {1}
        address = f"127.0.0.1:{ports[2]}"
        assert await_servers([address], 100) == {}
        supervisor.kill()
        supervisor.wait(120)
        deadline_s = time.monotonic() + WITHIN_S
        while not silent_servers([address], 1):
            assert time.monotonic() < deadline_s
            time.sleep(0.05)

    def test_host_that_is_none_is_refused(self, run):
        supervisor = run("--hosts", "0", "2", "-1")
        assert supervisor.wait(120) == 1
        told = supervisor.stderr.read()
        assert "There is no worker -1, 2: the cluster has the workers 0 to 1." in told
