"""The process that runs a pipeline: its events, and how it ends."""

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from shardline.components.readers.datasets import DatasetError
from shardline.configs import ConfigError
from shardline.pipeline.metadata.run_error import RunError
from shardline.pipeline.run_folder import RunFolder
from shardline.pipeline.runners import local
from shardline.pipeline.runners.events import Event, read_events


def run_process(config: Path, folder: Path) -> tuple[int, list[Event], str]:
    """Runs the process; returns its exit code, its events and its other output."""
    read_end, write_end = os.pipe()
    command = [sys.executable, "-m", "shardline.pipeline.runners.local", str(config)]
    command += ["--output-dir", str(folder), "--events", str(write_end)]
    with (
        RunFolder(folder).held() as lock,
        subprocess.Popen(
            [*command, "--lock", str(lock.descriptor)],
            pass_fds=[write_end, lock.descriptor],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process,
    ):
        os.close(write_end)
        with os.fdopen(read_end) as file:
            events = list(read_events(file))
        printed, _ = process.communicate()
    return process.returncode, events, printed


def test_fault_of_a_configuration_is_the_last_event(
    small_config: Callable[..., Path], tmp_path: Path
) -> None:
    config = small_config(reader="no.such.Reader")

    code, events, printed = run_process(config, tmp_path)

    assert code == 1
    assert events[0] == Event("progress", "setup", "loading TensorFlow and TFX")
    assert [event.kind for event in events] == ["progress", "failed"]
    place = f"{config}:5: data.reader: "
    assert events[-1].text.startswith(f"{place}`no.such.Reader` cannot be")
    assert "Traceback" in printed


def test_file_that_is_not_there_fails_before_anything_is_loaded(tmp_path: Path) -> None:
    code, events, _ = run_process(tmp_path / "absent.yaml", tmp_path)

    assert code == 1
    (failed,) = events
    assert failed.kind == "failed"
    assert "absent.yaml" in failed.text


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ConfigError("a fault\n"), "a fault"),
        (DatasetError("no data"), "no data"),
        (RunError("not published"), "not published"),
        (KeyError("x"), "KeyError: 'x'"),
        (ValueError(" wrong "), "ValueError: wrong"),
        (
            OSError(errno.ENOSPC, "No space left on device", "runs/a"),
            "OSError: [Errno 28] No space left on device: 'runs/a'. Make room on the "
            "disk, and run the same command again.",
        ),
    ],
)
def test_errors_of_others_are_named_by_their_class(
    error: Exception, message: str
) -> None:
    assert local._cause(error) == message


def test_process_without_the_lock_does_nothing(tmp_path: Path) -> None:
    read_end, write_end = os.pipe()
    command = [sys.executable, "-m", "shardline.pipeline.runners.local", "a.yaml"]
    command += ["--output-dir", str(tmp_path), "--events", str(write_end)]
    with os.fdopen(read_end), os.fdopen(write_end, "w"):
        ended = subprocess.run(
            [*command, "--lock", str(write_end)],
            pass_fds=[write_end],
            capture_output=True,
            text=True,
        )

    assert ended.returncode == 1
    assert f"Descriptor {write_end} is not the lock {tmp_path}/.lock." in ended.stderr
    assert list(tmp_path.iterdir()) == []
