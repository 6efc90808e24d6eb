"""Worker processes of a block come from a server that ends with it."""

import tempfile
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

import apache_beam as beam
import psutil
import pytest

from shardline.components.execution.in_memory_beam import in_memory_pipeline
from shardline.components.execution.worker_processes import handler
from shardline.components.execution.worker_processes.fork_server import (
    fork_server_ended,
)
from shardline.components.execution.worker_processes.number import worker_options

pytestmark = pytest.mark.orchestration


def test_each_block_has_a_server_whose_files_are_in_its_temporary_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handler, "PRELOADED", ())
    server: Any = forkserver._forkserver
    with fork_server_ended():
        pass  # that of tests before

    # A socket's path has 107 bytes at most; a temporary folder may have more.
    for name in ("first", "second", "long" * 50):
        folder = tmp_path / name
        folder.mkdir()
        monkeypatch.setattr(tempfile, "tempdir", str(folder))
        with fork_server_ended():
            with in_memory_pipeline(worker_options(2)) as root:
                _ = root | beam.Create([1]) | beam.Map(print)
            pid, address = server._forkserver_pid, Path(server._forkserver_address)
            assert address.parent.resolve() == folder
            assert [entry.name for entry in folder.iterdir()] == [address.name]

        assert not psutil.pid_exists(pid)
        assert not any(folder.iterdir())
