"""What is read of a machine, also where something is absent or broken."""

import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from shardline.pipeline.doctor import machine


def completed(
    returncode: int = 0, stdout: bytes = b"", stderr: bytes = b""
) -> Callable[..., subprocess.CompletedProcess[bytes]]:
    """A `subprocess.run` whose every command ends so."""
    return lambda command, **_: subprocess.CompletedProcess(
        command, returncode, stdout, stderr
    )


def test_compiler_is_named_by_its_first_line_of_version() -> None:
    run = completed(stdout=b"g++ (Debian) 12.2.0\nCopyright\n")

    assert machine.find_compiler(lambda name: name, run) == "g++ (Debian) 12.2.0"


def test_compiler_of_the_other_name_is_found() -> None:
    run = completed(stdout=b"clang version 19\n")
    found = machine.find_compiler({"c++": "here/c++"}.get, run)

    assert found == "clang version 19"


def test_compiler_that_is_absent_or_broken_is_none() -> None:
    def unstartable(command: list[str], **_: object) -> None:
        raise PermissionError(command[0])

    assert machine.find_compiler(lambda name: None, completed()) == ""
    assert machine.find_compiler(lambda name: name, completed(1, b"g++ 12")) == ""
    assert machine.find_compiler(lambda name: name, unstartable) == ""


def test_free_space_of_a_folder_to_be_made_is_its_parents(tmp_path: Path) -> None:
    assert machine.free_bytes(tmp_path / "a" / "b") == pytest.approx(
        machine.free_bytes(tmp_path), rel=0.1
    )
    assert machine.free_bytes(Path("to", "be", "made")) > 0


def test_database_in_a_writable_folder_leaves_nothing_behind(tmp_path: Path) -> None:
    assert machine.database_fault(tmp_path) == ""
    assert list(tmp_path.iterdir()) == []


def test_database_in_an_absent_folder_is_a_fault(tmp_path: Path) -> None:
    assert "No such file or directory" in machine.database_fault(tmp_path / "absent")


def test_database_that_sqlite_refuses_is_a_fault(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse(path: Path) -> sqlite3.Connection:
        raise sqlite3.OperationalError("database is locked")

    monkeypatch.setattr(sqlite3, "connect", refuse)

    assert machine.database_fault(tmp_path) == "database is locked"
    assert list(tmp_path.iterdir()) == []
