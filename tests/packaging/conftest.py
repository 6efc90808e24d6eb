"""Gives the tests of the wheel: the wheel, and environments that hold few packages."""

import importlib.metadata
import os
import shutil
import subprocess
import sys
import tomllib
import venv
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PARTS = ("components", "configs", "embedding", "pipeline")
FILES = ("__init__.py", "LICENSE", "README.md", "pyproject.toml")


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built offline from a copy of the checkout."""
    source = tmp_path_factory.mktemp("source") / "checkout"
    source.mkdir()
    # `build` is the folder of the native library, which no wheel has.
    ignored = shutil.ignore_patterns("__pycache__", "build")
    for part in PARTS:
        shutil.copytree(ROOT / part, source / part, ignore=ignored)
    for name in FILES:
        shutil.copy(ROOT / name, source)
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index"]
    options = ["--no-build-isolation", "--wheel-dir", str(folder), str(source)]
    subprocess.run([*pip, *options], check=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="session")
def environment(
    wheel: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Path]:
    """Makes an environment with the wheel and the packages of some extras.

    Returns:
        Takes names of extras, and returns the folder with the environment's programs.
    """

    def make(*extras: str) -> Path:
        folder = tmp_path_factory.mktemp("-".join(["environment", *extras])) / "venv"
        venv.create(folder, symlinks=True)
        (packages,) = folder.glob("lib/python*/site-packages")
        for distribution in closure(requirements(extras)):
            link(distribution, packages)
        pip = [sys.executable, "-m", "pip", f"--python={folder}/bin/python"]
        options = ["install", "--quiet", "--no-deps", "--no-index", str(wheel)]
        # Without what points to the checkout.
        subprocess.run([*pip, *options], check=True, env=bare_variables())
        return folder / "bin"

    return make


def bare_variables(**more: str) -> dict[str, str]:
    """Returns environment variables for processes that shall see no checkout."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return kept | {"TF_CPP_MIN_LOG_LEVEL": "3"} | more


def requirements(extras: Iterable[str]) -> list[Requirement]:
    """Returns what the project requires with some extras."""
    lines = list(PROJECT["dependencies"])
    for extra in extras:
        lines += PROJECT["optional-dependencies"][extra]
    return [Requirement(line) for line in lines]


def closure(required: Iterable[Requirement]) -> list[importlib.metadata.Distribution]:
    """Returns the installed packages that requirements need, directly or not."""
    found: dict[str, importlib.metadata.Distribution] = {}
    waiting = list(required)
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        marker = requirement.marker
        if name in found or (marker and not marker.evaluate({"extra": ""})):
            continue
        found[name] = importlib.metadata.distribution(name)
        waiting += map(Requirement, found[name].requires or [])
    return list(found.values())


def link(distribution: importlib.metadata.Distribution, packages: Path) -> None:
    """Makes a package importable from another folder, by links to what it installed."""
    installed = Path(str(distribution.locate_file("")))
    for file in distribution.files or []:
        # Folders that several packages fill, as `google`, have no `__init__.py`.
        depth = 1
        while (
            depth < len(file.parts)
            and not file.parts[0].endswith(".dist-info")
            and not (installed.joinpath(*file.parts[:depth]) / "__init__.py").exists()
        ):
            depth += 1
        parts = file.parts[:depth]
        link_to = packages.joinpath(*parts)
        if ".." in parts or "__pycache__" in parts or link_to.exists():
            continue
        link_to.parent.mkdir(parents=True, exist_ok=True)
        link_to.symlink_to(installed.joinpath(*parts))
