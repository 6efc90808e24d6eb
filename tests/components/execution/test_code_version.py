"""The digest of code."""

import importlib
import re
from pathlib import Path

import pytest

from shardline.components.execution.code_version import code_version


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package `versioned` with two modules, and a module `alone`."""
    folder = tmp_path / "versioned"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "part.py").write_text("A = 1\n")
    (tmp_path / "alone.py").write_text("B = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    return tmp_path


def test_same_code_has_the_same_version(package: Path) -> None:
    assert code_version("versioned") == code_version("versioned")
    assert re.fullmatch("[0-9a-f]{16}", code_version("versioned"))


def test_order_of_modules_does_not_matter(package: Path) -> None:
    assert code_version("versioned", "alone") == code_version("alone", "versioned")


@pytest.mark.parametrize("file", ["alone.py", "versioned/part.py"])
def test_changed_file_changes_the_version(package: Path, file: str) -> None:
    before = code_version("versioned", "alone")

    (package / file).write_text("A = 2\n")

    assert code_version("versioned", "alone") != before


def test_new_file_of_a_package_changes_the_version(package: Path) -> None:
    before = code_version("versioned")

    (package / "versioned" / "deeper").mkdir()
    (package / "versioned" / "deeper" / "more.py").write_text("C = 3\n")

    assert code_version("versioned") != before


def test_other_modules_do_not_count(package: Path) -> None:
    before = code_version("alone")

    (package / "versioned" / "part.py").write_text("A = 2\n")

    assert code_version("alone") == before


def test_library_version_changes_the_version(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = code_version("alone")

    monkeypatch.setattr(importlib.metadata, "version", lambda name: "0.0.1")

    assert code_version("alone") != before


@pytest.mark.parametrize("module", ["no_such_module", "sys"])
def test_module_without_source_is_an_error(module: str) -> None:
    with pytest.raises(ValueError, match=f"`{module}` has no source file"):
        code_version(module)
