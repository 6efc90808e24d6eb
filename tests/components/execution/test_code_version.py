"""The digest of code."""

import importlib
import re
import shutil
from pathlib import Path

import pytest

from shardline.components.execution.code_version import code_version


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package `versioned` with two modules, and a module `alone` that imports one."""
    folder = tmp_path / "versioned"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "part.py").write_text("A = 1\n")
    (folder / "other.py").write_text("A = 1\n")
    (tmp_path / "alone.py").write_text("from versioned.part import A\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    return tmp_path


def test_same_code_has_the_same_version(package: Path) -> None:
    assert code_version("versioned") == code_version("versioned")
    assert re.fullmatch("[0-9a-f]{16}", code_version("versioned"))


def test_order_of_objects_does_not_matter(package: Path) -> None:
    one, other = "versioned.part.A", "alone.A"

    assert code_version("versioned", one, other) == code_version(
        "versioned", other, one
    )


@pytest.mark.parametrize("file", ["alone.py", "versioned/part.py"])
def test_changed_file_changes_the_version(package: Path, file: str) -> None:
    before = code_version("alone")

    (package / file).write_text("from versioned import part\n")

    assert code_version("alone") != before


@pytest.mark.parametrize("file", ["versioned/part.py", "versioned/__init__.py"])
def test_code_of_a_named_object_changes_the_version(package: Path, file: str) -> None:
    before = code_version("shardline.configs", "alone.A")

    (package / file).write_text("A = 2\n")

    assert code_version("shardline.configs", "alone.A") != before


def test_other_modules_do_not_count(package: Path) -> None:
    before = code_version("alone")

    (package / "versioned" / "other.py").write_text("A = 2\n")
    (package / "versioned" / "new.py").write_text("A = 2\n")

    assert code_version("alone") == before


@pytest.mark.parametrize("file", ["kernel.cc", "src/kernel.cc", "src/deep/kernel.h"])
def test_native_sources_of_a_package_count(package: Path, file: str) -> None:
    path = package / "versioned" / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("// one\n")
    before = code_version("alone")

    path.write_text("// two\n")

    assert code_version("alone") != before


def test_data_and_sources_of_packages_that_are_not_imported_do_not_count(
    package: Path,
) -> None:
    before = code_version("alone")

    (package / "versioned" / "page.html").write_text("<p>")
    (package / "versioned" / "deeper").mkdir()
    (package / "versioned" / "deeper" / "__init__.py").touch()
    (package / "versioned" / "deeper" / "kernel.cc").touch()

    assert code_version("alone") == before


def test_kernels_count_for_whoever_imports_the_engine(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (package / "alone.py").write_text("from shardline.embedding import TPUEmbedding\n")
    before = code_version("alone")
    read = Path.read_bytes

    def changed(path: Path) -> bytes:
        return read(path) + (b"//" if path.name == "update.cc" else b"")

    monkeypatch.setattr(Path, "read_bytes", changed)

    assert code_version("alone") != before


def test_folder_of_the_code_does_not_matter(
    package: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = code_version("alone")
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(package / "versioned", elsewhere / "versioned")
    shutil.move(package / "alone.py", elsewhere / "alone.py")
    monkeypatch.syspath_prepend(str(elsewhere))
    importlib.invalidate_caches()

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
    with pytest.raises(ValueError, match=f"`{module}` has no source file"):
        code_version("shardline.configs", f"{module}.Reader")
