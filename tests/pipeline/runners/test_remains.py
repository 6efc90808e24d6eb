"""What commands print and leave, run as a user does, with no setting of TensorFlow."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

SHARDLINE = Path(sys.executable).with_name("shardline")
GUARDED = Path(__file__).parents[2] / "guarded"
TIME_LIMIT_S = 300
CONFIG = {
    "name": "small",
    "data": {
        "path": "data",
        "files": {"format": "csv", "splits": {"train": "t*", "eval": "e*"}},
        "label": "label",
    },
    "features": {"item": {"table": "item"}},
    "tables": {"item": {"dim": 4}},
}

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Place:
    """A folder to run commands in.

    Attributes:
        folder: with the configuration `small.yaml` and its data.
        temporary: what is the temporary folder of commands.
        attempts: addresses that they tried to reach.
    """

    folder: Path
    temporary: Path
    attempts: Path

    def start(self, *arguments: str) -> subprocess.Popen:
        """Starts a command."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith("TF_")}
        path = [str(GUARDED), *filter(None, [os.environ.get("PYTHONPATH")])]
        return subprocess.Popen(
            [str(SHARDLINE), *arguments],
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=kept
            | {
                "TMPDIR": str(self.temporary),
                "PYTHONPATH": os.pathsep.join(path),
                "SHARDLINE_TEST_ATTEMPTS": str(self.attempts),
            },
        )

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """Runs a command; its exit code and what it printed to stdout and stderr."""
        process = self.start(*arguments)
        stdout, stderr = process.communicate(timeout=TIME_LIMIT_S)
        return process.returncode, stdout, stderr

    def check_remains(self) -> None:
        """Checks that nothing is left, and no address was tried."""
        assert list(self.temporary.iterdir()) == []
        assert not self.attempts.exists()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A folder with small data, and an empty one for temporary files."""
    made = Place(tmp_path / "here", tmp_path / "temporary", tmp_path / "attempts")
    (made.folder / "data").mkdir(parents=True)
    made.temporary.mkdir()
    rows = "".join(f"{n % 2},i{n % 5}\n" for n in range(50))
    for name in ("train.csv", "eval.csv"):
        (made.folder / "data" / name).write_text(f"label,item\n{rows}")
    write_config(made, CONFIG)
    return made


def write_config(place: Place, config: dict[str, Any]) -> None:
    (place.folder / "small.yaml").write_text(json.dumps(config))


@pytest.mark.parametrize(
    "command",
    [
        ["check", "small.yaml"],
        ["plan", "small.yaml"],
        ["preprocess", "small.yaml", "--output", "output"],
    ],
)
def test_good_command_prints_no_library_and_leaves_nothing(
    command: list[str], place: Place
) -> None:
    code, stdout, stderr = place.run(*command)

    assert (code, stderr) == (0, ""), stdout
    place.check_remains()


def write_records(place: Place, record: bytes) -> None:
    """Makes the data TFRecords of something."""
    data = place.folder / "data"
    for file in data.iterdir():
        file.unlink()
    for name in ("train", "eval"):
        with tf.io.TFRecordWriter(str(data / name)) as writer:
            for _ in range(50):
                writer.write(record)
    files = CONFIG["data"]["files"] | {"format": "tfrecord"}
    write_config(place, CONFIG | {"data": CONFIG["data"] | {"files": files}})


@pytest.mark.parametrize(
    "command",
    [
        ["check", "small.yaml"],
        ["plan", "small.yaml"],
        ["preprocess", "small.yaml", "--output", "output"],
    ],
)
def test_records_that_are_no_examples_are_told_in_a_few_lines(
    command: list[str], place: Place
) -> None:
    write_records(place, b"\x0a\xff\xff no example")

    code, stdout, stderr = place.run(*command)

    assert code == 1
    assert len((stdout + stderr).strip().splitlines()) < 20
    assert "train" in stdout + stderr
    for noise in ("Traceback", "protobuf", "[libprotobuf", "E0000", "cuInit"):
        assert noise not in stdout + stderr
    assert not (place.folder / "output").exists()
    place.check_remains()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_preprocess_says_so_in_a_line_and_leaves_nothing(
    number: int, place: Place
) -> None:
    rows = "".join(f"{n % 2},i{n % 500}\n" for n in range(400_000))
    (place.folder / "data" / "train.csv").write_text(f"label,item\n{rows}")
    before = sorted(os.listdir(place.folder))
    process = place.start("preprocess", "small.yaml", "--output", "output")

    _wait_for(lambda: list(place.folder.glob("output.partial-*")), process)
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=TIME_LIMIT_S)

    assert process.returncode == 128 + number
    assert stderr.startswith("Interrupted: shardline preprocess. ")
    assert len(stderr.strip().splitlines()) == 1
    assert "Traceback" not in stdout
    assert sorted(os.listdir(place.folder)) == before
    place.check_remains()


def test_what_a_killed_preprocess_leaves_is_removed_by_the_next(place: Place) -> None:
    rows = "".join(f"{n % 2},i{n % 500}\n" for n in range(400_000))
    (place.folder / "data" / "train.csv").write_text(f"label,item\n{rows}")
    before = sorted(os.listdir(place.folder))
    command = ["preprocess", "small.yaml", "--output", "output", "--cache", "counts"]
    process = place.start(*command)

    _wait_for(lambda: list(place.folder.glob("counts/counts-*.*")), process)
    process.kill()
    process.communicate(timeout=TIME_LIMIT_S)
    assert list(place.folder.glob("output.partial-*")) != []
    assert list(place.temporary.iterdir()) != []
    code, stdout, stderr = place.run(*command)

    assert (code, stderr) == (0, ""), stdout
    assert sorted(os.listdir(place.folder)) == sorted([*before, "counts", "output"])
    assert list(place.folder.glob("counts/*.*")) == []
    place.check_remains()


def _wait_for(is_there: Callable[[], Any], process: subprocess.Popen) -> None:
    for _ in range(TIME_LIMIT_S * 20):
        assert process.poll() is None, process.communicate()
        if is_there():
            return
        time.sleep(0.05)
    raise AssertionError("it does not come")
