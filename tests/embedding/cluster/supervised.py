"""A test cluster whose hosts a supervisor starts, as it does, but forked.

A fork starts in a tenth of the time that a new process takes.
"""

import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from shardline_tests import load

from shardline.embedding.cluster import Cluster, supervisor

processes = load(Path(__file__).with_name("processes.py"))


class SupervisedCluster(processes.TestCluster):
    """One chief, and hosts that are started again when they end.

    Attributes:
        environment: variables of the hosts that are started from now on, by host.
    """

    __test__ = False

    def __init__(self, hosts: int, folder: Path, patience: supervisor.Patience):
        self.environment: dict[int, dict[str, str]] = {}
        self._patience = patience
        self._stopping = threading.Event()
        self._supervising: threading.Thread | None = None
        super().__init__(hosts, folder)

    def supervise(self, replace: Callable[[Any, str, Any], None]) -> None:
        """Stops the hosts, and has a supervisor start them.

        Args:
            replace: `setattr` of pytest's monkeypatch.
        """
        for process in self._hosts.values():
            process.kill()
            process.join(30)
        replace(supervisor, "start_bound", self._start_bound)
        self._supervising = threading.Thread(target=self._supervise)
        self._supervising.start()
        self.ask("connect", within_s=processes.START_WITHIN_S)

    def close(self) -> None:
        """Stops the supervisor, and kills what still runs."""
        self._stopping.set()
        if self._supervising:
            self._supervising.join(60)
        super().close()

    def _supervise(self) -> None:
        cluster = Cluster.from_tf_config(self._tf_config("chief", 0))
        hosts = range(len(cluster.workers))
        supervisor.supervise(cluster, hosts, self._stopping.is_set, self._patience)

    def _start_bound(
        self, command: Sequence[str], environment: Mapping[str, str]
    ) -> "_Forked":
        host = Cluster.from_tf_config(environment["TF_CONFIG"]).task_index
        self.start_host(host, **self.environment.get(host, {}))
        return _Forked(self._hosts[host])


class _Forked:
    """A forked process with the methods of `subprocess.Popen`."""

    def __init__(self, process: Any):
        self._process = process
        self.pid = process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def terminate(self) -> None:
        self._process.terminate()

    def kill(self) -> None:
        self._process.kill()

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("a forked host", timeout or 0)
        return self._process.exitcode
