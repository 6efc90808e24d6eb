"""Starts, stops and kills the processes of a test cluster on the loopback interface.

The processes are forked from one that has imported TensorFlow, which takes most of the
time of a start.
"""

import json
import multiprocessing
import os
import random
import runpy
import signal
import socket
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
START_WITHIN_S = 120
# Below the ports that the kernel gives to outgoing connections.
PORTS = range(20000, 32000)

_FORKS = multiprocessing.get_context("forkserver")


class TestCluster:
    """One chief and some hosts, each a process of its own."""

    __test__ = False

    def __init__(
        self, hosts: int, folder: Path, chief: str | Path = "chief_program.py"
    ):
        self._chief_program = chief
        _FORKS.set_forkserver_preload(["shardline.embedding.cluster"])
        self._folder = folder
        self.ports = free_ports(hosts + 1)
        self._hosts: dict[int, Any] = {}
        self._is_whole = True
        self._is_waiting = False
        for index in range(hosts):
            self.start_host(index)
        self._start_chief()

    def pid(self, host: int | None) -> int:
        """Returns the process id of a host, or of the chief for None."""
        return (self._chief if host is None else self._hosts[host]).pid

    def address(self, host: int) -> str:
        return f"127.0.0.1:{self.ports[host + 1]}"

    def device(self, host: int) -> str:
        return f"/job:worker/replica:0/task:{host}/device:CPU:0"

    def output(self, host: int) -> str:
        path = self._output(host)
        return path.read_text() if path.exists() else ""

    def start_host(self, host: int, **environment: str) -> None:
        self._output(host).unlink(missing_ok=True)
        more = {"OUTPUT": str(self._output(host)), "ENVIRONMENT": environment}
        self._hosts[host] = self._started("host_program.py", "worker", host, more)

    def await_host(self, host: int) -> None:
        """Waits until a started host says that it serves."""
        deadline_s = time.monotonic() + START_WITHIN_S
        while "serves" not in self.output(host):
            assert time.monotonic() < deadline_s, f"host {host} does not start"
            time.sleep(0.05)

    def signal_host(self, host: int, number: int) -> None:
        os.kill(self._hosts[host].pid, number)

    def kill_host(self, host: int) -> None:
        self._is_whole = False
        self._hosts[host].kill()
        self._hosts[host].join(30)

    def restart_chief(self) -> None:
        """Kills the chief, and connects a new one once the hosts have begun anew."""
        self._connection.close()
        self._chief.kill()
        self._chief.join(30)
        for host, process in self._hosts.items():
            if process.is_alive():
                self.signal_host(host, signal.SIGCONT)
                process.join(START_WITHIN_S)
            self.start_host(host)
        self._start_chief()
        self.ask("connect", within_s=START_WITHIN_S)

    def heal(self) -> None:
        """Brings every host back and connects again, if one was lost.

        A chief that owes an answer to a test that failed is replaced.
        """
        if self._is_waiting:
            self._is_waiting = False
            self.restart_chief()
            self._is_whole = True
            return
        for host, process in self._hosts.items():
            if process.is_alive():
                self.signal_host(host, signal.SIGCONT)
            else:
                self.start_host(host)
        if not self._is_whole:
            self.ask("reconnect", within_s=START_WITHIN_S)
        self._is_whole = True

    def begin(self, name: str, **arguments: Any) -> None:
        """Asks the chief for something; `finish` gives the answer."""
        self._is_waiting = True
        self._connection.send((name, arguments))

    def finish(self, within_s: float = 60) -> Any:
        if not self._connection.poll(within_s):
            raise TimeoutError(f"the chief does not answer within {within_s} s")
        succeeded, answer = self._connection.recv()
        self._is_waiting = False
        if not succeeded:
            raise answer
        return answer

    def ask(self, name: str, within_s: float = 60, **arguments: Any) -> Any:
        self.begin(name, **arguments)
        return self.finish(within_s)

    def close(self) -> None:
        """Kills what still runs."""
        self._connection.close()
        for process in (*self._hosts.values(), self._chief):
            process.kill()
            process.join(30)

    def _start_chief(self) -> None:
        self._connection, end = _FORKS.Pipe()
        with end:
            self._chief = self._started(
                self._chief_program, "chief", 0, {"CONNECTION": end}
            )

    def _output(self, host: int) -> Path:
        return self._folder / f"host{host}.txt"

    def _started(self, script: str | Path, task: str, index: int, more: Any) -> Any:
        process = _FORKS.Process(
            daemon=True,
            target=runpy.run_path,
            args=(str(HERE / script),),
            kwargs={
                "init_globals": {"TF_CONFIG": self._tf_config(task, index), **more},
                "run_name": "__main__",
            },
        )
        process.start()
        return process

    def _tf_config(self, task: str, index: int) -> str:
        return tf_config(self.ports, task, index)


def tf_config(ports: list[int], task: str, index: int) -> str:
    """Returns TF_CONFIG of a cluster on these ports, the chief's first."""
    chief, *workers = (f"127.0.0.1:{port}" for port in ports)
    return json.dumps(
        {
            "cluster": {"chief": [chief], "worker": workers},
            "task": {"type": task, "index": index},
        }
    )


def free_ports(count: int) -> list[int]:
    """Returns ports that nobody listens on now."""
    found: list[int] = []
    while len(found) < count:
        # Not from the seed that other tests set: processes would choose alike.
        port = random.SystemRandom().choice(PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("", port))
            except OSError:
                continue
        if port not in found:
            found.append(port)
    return found


def await_text(file: Path, text: str, within_s: float) -> None:
    """Waits until a text is in a file to which another process writes."""
    deadline_s = time.monotonic() + within_s
    while text not in (file.read_text() if file.exists() else ""):
        assert time.monotonic() < deadline_s, f"no '{text}' in {file.read_text()}"
        time.sleep(0.05)


def resident_bytes(pid: int) -> int:
    """Returns the memory that a process holds."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    fields = dict(line.split(":", 1) for line in lines)
    return int(fields["VmRSS"].split()[0]) * 1024


def written_bytes(pid: int) -> int:
    """Returns what a process has ever written to files."""
    lines = Path(f"/proc/{pid}/io").read_text().splitlines()
    return int(dict(line.split(": ") for line in lines)["wchar"])
