"""A container of a specification: its command line, run in a process of this machine.

The process begins with an empty working folder, an empty home and an empty temporary
folder, and has no variable of the environment that its image does not set.
"""

import dataclasses
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from google.protobuf import json_format
from kfp.local.executor_input_utils import executor_input_to_dict
from kfp.local.placeholder_utils import replace_placeholders
from kfp.pipeline_spec.pipeline_spec_pb2 import (
    ComponentSpec,
    ExecutorInput,
    ExecutorOutput,
)
from shardline_tests import load
from tfx.dsl.io import fileio

_guard = load("guarded/sitecustomize.py")
_TIME_LIMIT_S = 600
_PRINTED_LAST = 4000
_OWN_FOLDERS = ("cwd", "home", "tmp")


class StepError(AssertionError):
    """A container that did not end well; the message has what it printed last.

    Attributes:
        returncode: its exit code, or minus the signal that ended it.
    """

    def __init__(self, told: str, returncode: int):
        """Says what."""
        super().__init__(told)
        self.returncode = returncode


@dataclasses.dataclass(frozen=True)
class Container:
    """A task's container, and what the platform tells it.

    Attributes:
        task: its name.
        command: the command line, with placeholders.
        component: what the task takes and gives.
        asked: the executor input.
        disk: the container's own disk, which is empty whenever it starts.
        image: variables that the image sets, beside those of every image.
    """

    task: str
    command: tuple[str, ...]
    component: ComponentSpec
    asked: ExecutorInput
    disk: Path
    image: Mapping[str, str]

    def run(self, *, kill_at: Callable[[str], bool] | None = None) -> ExecutorOutput:
        """Starts it anew, and waits for its end.

        Args:
            kill_at: is asked of each line that it prints whether to end it there, by
                SIGKILL.

        Returns:
            What it reports.

        Raises:
            StepError: if it ends with an error, leaves something in its working folder,
                or tries to reach another machine.
        """
        shutil.rmtree(self.disk, ignore_errors=True)
        for name in _OWN_FOLDERS:
            (self.disk / name).mkdir(parents=True)
        printed = []
        with subprocess.Popen(
            self._command_line(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            cwd=self.disk / "cwd",
            env=self._environment(),
        ) as process:
            limit = threading.Timer(_TIME_LIMIT_S, process.kill)
            limit.start()
            for line in process.stdout:
                printed.append(line)
                if kill_at and kill_at(line):
                    process.kill()
            returncode = process.wait()
            limit.cancel()
        told = "".join(printed)
        (self.disk / "log").write_text(told)
        if returncode:
            last = told[-_PRINTED_LAST:]
            raise StepError(f"{self.task} ended with {returncode}:\n{last}", returncode)
        self._check_disk()
        with fileio.open(self.asked.outputs.output_file, "rb") as file:
            return json_format.Parse(file.read(), ExecutorOutput())

    def _command_line(self) -> list[str]:
        return replace_placeholders(
            list(self.command),
            executor_input_to_dict(self.asked, self.component),
            pipeline_resource_name="",
            task_resource_name=self.task,
            pipeline_root="",
            unique_pipeline_id="",
        )

    def _environment(self) -> dict[str, str]:
        # An image has the packages where this machine has them; and nobody is reached.
        guarded = str(Path(_guard.__file__).parent)
        image = dict(self.image)
        found_at = (
            image.pop("PYTHONPATH", ""),
            guarded,
            os.environ.get("PYTHONPATH", ""),
        )
        return {
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "HOME": str(self.disk / "home"),
            "TMPDIR": str(self.disk / "tmp"),
            "PYTHONPATH": os.pathsep.join(filter(None, found_at)),
            _guard.ATTEMPTS_FILE: str(self.disk / "attempts"),
            **image,
        }

    def _check_disk(self) -> None:
        left = [path.name for path in (self.disk / "cwd").iterdir()]
        if left:
            raise StepError(f"{self.task} left {left} in its working folder", 0)
        attempts = self.disk / "attempts"
        if attempts.exists():
            raise StepError(f"{self.task} tried {attempts.read_text()}", 0)
