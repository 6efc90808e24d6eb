"""Modules of a readable size, each in the wheel, each with its tests."""

import tomllib
from pathlib import Path

import pytest
from shardline_tests import load

sources = load(Path(__file__).with_name("sources.py"))

MOST_LINES = 400


@pytest.mark.parametrize(
    "path", [*sources.MODULES, *sources.TEST_MODULES], ids=sources.name_of
)
def test_module_has_a_readable_size(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= MOST_LINES


def test_wheel_has_every_package() -> None:
    packages = {
        ".".join(["shardline", *path.parent.relative_to(sources.ROOT).parts])
        for path in sources.MODULES
        if path.name == "__init__.py"
    } | {"shardline"}
    project = tomllib.loads((sources.ROOT / "pyproject.toml").read_text())
    assert set(project["tool"]["setuptools"]["packages"]) == packages
