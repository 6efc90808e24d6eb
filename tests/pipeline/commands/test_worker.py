"""`shardline worker`: which worker it is, and a clean life of one."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from shardline_tests import load
from typer.testing import Result

from shardline.embedding.cluster import supervisor
from shardline.embedding.cluster.liveness import await_servers

pytestmark = pytest.mark.orchestration
processes = load("embedding/cluster/processes.py")
SHARDLINE = Path(sys.executable).with_name("shardline")
WITHIN_S = 120


@pytest.fixture
def ports() -> list[int]:
    """Free ports of a chief and two workers."""
    return processes.free_ports(3)


@pytest.fixture
def config(small_config: Callable[..., Path], ports: list[int]) -> Path:
    """A configuration that names a cluster."""
    chief, *workers = (f"127.0.0.1:{port}" for port in ports)
    path = small_config()
    tasks = f"cluster: {json.dumps({'chief': chief, 'workers': workers})}"
    path.write_text(path.read_text().replace("hosts: 2", tasks))
    return path


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen]]:
    """Starts `shardline worker`; what it prints goes to `output`."""
    begun = []

    def started(*arguments: str | Path, **environment: str) -> subprocess.Popen:
        output = (tmp_path / "output").open("wb")
        with output:
            process = subprocess.Popen(
                [str(part) for part in (SHARDLINE, "worker", *arguments)],
                stdout=output,
                stderr=subprocess.STDOUT,
                env=os.environ | environment,
            )
        begun.append(process)
        return process

    yield started
    for process in begun:
        process.kill()
        process.wait()


def test_worker_serves_a_chief_begins_anew_for_the_next_and_ends_well(
    start: Callable[..., subprocess.Popen], config: Path, ports: list[int], tmp_path
) -> None:
    output, address = tmp_path / "output", f"127.0.0.1:{ports[2]}"
    serves = f"worker 1 serves at {address}\n"
    gives_up = (
        f"worker 1 gives up what it held: its chief at 127.0.0.1:{ports[0]} is gone\n"
    )
    process = start(config, "--index", "1")

    processes.await_text(output, serves, WITHIN_S)
    with socket.create_server(("127.0.0.1", ports[0])) as chief:
        chief.settimeout(WITHIN_S)
        chief.accept()[0].close()
    processes.await_text(output, serves + gives_up + serves, WITHIN_S)
    assert await_servers([address], WITHIN_S) == {}
    process.send_signal(signal.SIGTERM)

    assert process.wait(WITHIN_S) == 0
    assert output.read_text() == serves + gives_up + serves


def test_supervisor_starts_each_worker_of_this_machine(
    start: Callable[..., subprocess.Popen], ports: list[int], tmp_path: Path
) -> None:
    tf_config = processes.tf_config(ports, "chief", 0)
    process = start("--supervise", TF_CONFIG=tf_config)

    addresses = [f"127.0.0.1:{port}" for port in ports[1:]]
    assert await_servers(addresses, WITHIN_S) == {}
    for host in range(2):
        processes.await_text(tmp_path / "output", f"worker {host} serves", WITHIN_S)
    process.send_signal(signal.SIGTERM)

    assert process.wait(WITHIN_S) == 0
    lines = (tmp_path / "output").read_text().splitlines()
    expected = re.compile(r"(\S+ \S+ )?worker [01] (at \S+ )?(serves|started)\b.*")
    assert [line for line in lines if not expected.fullmatch(line)] == []


@pytest.mark.parametrize(
    ("arguments", "task", "message"),
    [
        (["CONFIG"], None, "names 2 workers. Say by --index which one this is."),
        (
            ["CONFIG", "--index", "2"],
            None,
            "no worker 2: the cluster has the workers 0",
        ),
        (["CONFIG", "--index", "0", "--index", "1"], None, "Say by --index which one"),
        (["CONFIG", "--supervise", "--index", "7"], None, "There is no worker 7"),
        ([], None, "TF_CONFIG is not set"),
        (["--index", "0"], "worker", "TF_CONFIG says which worker this is"),
        ([], "chief", "TF_CONFIG says that this process is the chief"),
    ],
)
def test_worker_that_is_not_there_is_refused(
    invoke: Callable[..., Result],
    monkeypatch: pytest.MonkeyPatch,
    config: Path,
    ports: list[int],
    arguments: list[str],
    task: str | None,
    message: str,
) -> None:
    monkeypatch.delenv("TF_CONFIG", raising=False)
    if task:
        monkeypatch.setenv("TF_CONFIG", processes.tf_config(ports, task, 0))
    given = [str(config) if word == "CONFIG" else word for word in arguments]

    result = invoke("worker", *given)

    assert result.exit_code == 1
    assert message in result.output


def test_configuration_without_cluster_is_refused_with_its_line(
    invoke: Callable[..., Result], small_config: Callable[..., Path]
) -> None:
    config = small_config()

    result = invoke("worker", config, "--index", "0")

    line = config.read_text().splitlines().index("training:") + 1
    assert result.exit_code == 1
    assert f"{config}:{line}: training: it names no cluster" in result.output


def test_supervisor_of_no_worker_says_so(
    invoke: Callable[..., Result], config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "_is_here", lambda address: False)

    result = invoke("worker", config, "--supervise")

    assert result.exit_code == 1
    assert "has an address of this machine" in result.output
