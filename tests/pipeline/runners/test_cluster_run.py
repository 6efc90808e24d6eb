"""The pipeline's Trainer on a cluster of processes, beside logical hosts of one."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from shardline_tests import load

SHARDLINE = Path(sys.executable).with_name("shardline")
HOSTS = 3
# Saved often, and long enough for a worker to be lost in the middle.
TRAINING = "\n  ".join(
    [
        "batch_size: 32",
        "steps: 300",
        "checkpoint: {{every_steps: 20{folder}}}",
        "{where}",
    ]
)

pytestmark = [pytest.mark.orchestration, pytest.mark.slow]
processes = load("embedding/cluster/processes.py")


@contextlib.contextmanager
def started(*arguments: str | Path, output: Path) -> Iterator[subprocess.Popen]:
    """Runs a command of shardline; what it prints goes to a file."""
    with output.open("wb") as file:
        process = subprocess.Popen(
            [str(part) for part in (SHARDLINE, *arguments)],
            stdout=file,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            cwd=output.parent,
        )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(60)


def contents(folder: Path) -> dict[str, bytes]:
    """Returns the files of a folder that hold nothing but what was learnt."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix not in (".pb", ".json")
    }


def tensors(prefix: Path) -> dict[str, bytes]:
    """Returns all values of a checkpoint, whatever files they are in."""
    reader = tf.train.load_checkpoint(str(prefix))
    return {
        name: reader.get_tensor(name).tobytes()
        for name in reader.get_variable_to_shape_map()
        if name != "_CHECKPOINTABLE_OBJECT_GRAPH"
    }


@pytest.fixture(scope="module")
def trained(
    small_config: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, str]:
    """A run folder with a training on logical hosts, then one on a cluster.

    Of the cluster a worker is killed when there is a first checkpoint set. The text is
    what the run with the cluster printed.
    """
    folder = tmp_path_factory.mktemp("cluster_run")
    chief, *workers = (f"127.0.0.1:{port}" for port in processes.free_ports(HOSTS + 1))
    tasks = f'{{chief: "{chief}", workers: {workers}}}'.replace("'", '"')
    sets = folder / "sets"
    text = small_config().read_text()
    for name, where, saved in (
        ("logical.yaml", f"hosts: {HOSTS}", ""),
        ("cluster.yaml", f"cluster: {tasks}", f", folder: {sets}"),
    ):
        lines = TRAINING.format(where=where, folder=saved)
        before, _, rest = text.partition("batch_size: 128")
        after = rest.partition("hosts: 2")[2]
        (folder / name).write_text(before + lines + after)
    ends = ("--to", "Exporter", "--output-dir", "run")
    with started("run", "logical.yaml", *ends, output=folder / "logical") as process:
        assert process.wait(600) == 0, (folder / "logical").read_text()
    again = ("--from", "Trainer", "--no-cache", *ends)
    output, log = folder / "cluster", folder / "workers"
    with (
        started("worker", "cluster.yaml", "--supervise", output=log) as supervisor,
        started("run", "cluster.yaml", *again, output=output) as process,
    ):
        processes.await_text(output, "checkpoint set of step", 600)
        (line,) = [line for line in log.read_text().splitlines() if "worker 1" in line][
            :1
        ]
        os.kill(int(line.rpartition(" ")[2]), signal.SIGKILL)
        assert process.wait(600) == 0, output.read_text() + log.read_text()
        supervisor.terminate()
        assert supervisor.wait(60) == 0, log.read_text()
    assert "Traceback" not in log.read_text()
    return folder, output.read_text()


def test_loss_of_a_worker_is_told_and_survived(trained: tuple[Path, str]) -> None:
    _, printed = trained

    assert "lost at step" in printed
    assert "(loss 1, at most 5 in a row" in printed
    assert "training goes on from step" in printed
    assert "step 300 of 300" in printed


def test_cluster_learns_what_logical_hosts_learn(trained: tuple[Path, str]) -> None:
    folder, _ = trained
    checkpoints = folder / "run" / "artifacts" / "Trainer" / "checkpoint"
    logical, cluster = sorted(checkpoints.iterdir(), key=lambda path: int(path.name))

    assert (logical / "manifest.json").read_text() == (
        cluster / "manifest.json"
    ).read_text()
    assert contents(logical / "parity") == contents(cluster / "parity")
    expected, got = tensors(logical / "checkpoint"), tensors(cluster / "checkpoint")
    assert got.keys() == expected.keys()
    assert [name for name in got if got[name] != expected[name]] == []


def test_cluster_writes_the_same_sets(trained: tuple[Path, str]) -> None:
    folder, _ = trained
    beside = folder / "run" / "artifacts" / "Trainer" / "sets"
    (logical,) = (path for path in beside.iterdir() if path.is_dir())
    cluster = folder / "sets" / logical.name  # equal fingerprints

    (name,) = [path.name for path in logical.glob("step-*300-*")]
    expected = contents(logical / name)
    assert len(expected) == HOSTS + 3
    assert contents(cluster / name) == expected


def test_both_are_served_alike(trained: tuple[Path, str]) -> None:
    folder, _ = trained
    models = folder / "run" / "artifacts" / "Exporter" / "model"
    logical, cluster = sorted(models.iterdir(), key=lambda path: int(path.name))

    assert contents(cluster) == contents(logical)


def test_nothing_is_left_of_the_processes(trained: tuple[Path, str]) -> None:
    folder, _ = trained
    here = str(folder).encode()

    left: list[Any] = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if here in bytes((entry / "cwd").readlink()):
                left.append((entry / "cmdline").read_bytes())
    assert left == []
