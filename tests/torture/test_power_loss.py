"""What is on the disk after a power loss, at any moment, whatever order it wrote in."""

import dataclasses
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from shardline_tests import load

from shardline.embedding.checkpoint import crash_points
from shardline.embedding.native.build import compiler

disk_log = load("torture/disk_log.py")
disk_states = load("torture/disk_states.py")
replay = load("torture/replay.py")
small_training = load("torture/small_training.py")
scale = load("torture/scale.py")

HERE = Path(__file__).parent
SEED = 15
LAST_STEP = 36

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(compiler() is None, reason="there is no C compiler"),
]


@pytest.fixture(scope="module")
def recorder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    library = tmp_path_factory.mktemp("recorder") / "recorder.so"
    command = ["cc", "-O1", "-shared", "-fPIC", "-o", library, HERE / "recorder.c"]
    subprocess.run(command, check=True)
    return library


@pytest.fixture(scope="module")
def recorded(recorder: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The log of two trainings, of which the first was killed in a save; the sets."""
    folder = tmp_path_factory.mktemp("recorded")
    sets = folder / "sets"
    sets.mkdir()
    environment = {
        **os.environ,
        "LD_PRELOAD": str(recorder),
        "SHARDLINE_RECORD_ROOT": str(sets),
        "SHARDLINE_RECORD_LOG": str(folder / "log"),
    }
    command = [sys.executable, str(HERE / "recorded_run.py"), str(sets)]
    crash = {crash_points.CRASH_AT: "before_rename:13"}
    killed = subprocess.run([*command, str(LAST_STEP)], env={**environment, **crash})
    assert killed.returncode == -9
    subprocess.run([*command, str(LAST_STEP)], env=environment, check=True)
    return disk_log.read_log(folder / "log"), sets


def test_recorder_misses_nothing(recorded: Any) -> None:
    log, sets = recorded
    there = {
        str(path.relative_to(sets)): None if path.is_dir() else path.read_bytes()
        for path in sets.rglob("*")
    }

    assert disk_states.Disk(log, len(log.operations)).whole() == there


@pytest.mark.timeout(7200)
def test_power_loss_at_any_moment_loses_no_durable_set(
    recorded: Any, tmp_path: Path
) -> None:
    log, _ = recorded
    training, digests = small_training.digests_by_step(LAST_STEP + 1)
    replayed = replay.Replay(log, tmp_path, training, digests)
    every = 1 if scale.is_full() else 6
    replayed.run(scale.of(12, least=6), SEED, go_on_every=50, every=every)

    scale.tell("power loss", replayed.counts)
    assert replayed.faults == []


@pytest.mark.parametrize("kind", ["files", "folders"])
def test_replay_finds_what_a_missing_sync_would_lose(
    kind: str, recorded: Any, tmp_path: Path
) -> None:
    log, _ = recorded
    notes = [one.at for one in log.operations if isinstance(one, disk_log.Note)]
    unsynced = [
        one
        for one in log.operations[: notes[1]]
        if not isinstance(one, disk_log.Sync)
        or (one.node in log.folders) != (kind == "folders")
    ]
    training, digests = small_training.digests_by_step(LAST_STEP)
    replayed = replay.Replay(
        dataclasses.replace(log, operations=unsynced), tmp_path, training, digests
    )
    replayed.run(8, SEED, go_on_every=1000)

    assert replayed.faults != []
