"""Modules of a readable size, each in the wheel, each with its tests."""

import tomllib
from pathlib import Path

import pytest
from shardline_tests import load

sources = load(Path(__file__).with_name("sources.py"))
ELSEWHERE = load(Path(__file__).with_name("tested_elsewhere.py")).ELSEWHERE

MOST_LINES = 400
LISTED = [module for modules in ELSEWHERE.values() for module in modules.split()]


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


def has_tests_of_its_name(module: Path) -> bool:
    """Tells whether `tests/<same folder>/test_<module>.py` is there."""
    folder = sources.ROOT / "tests" / module.parent.relative_to(sources.ROOT)
    return (folder / f"test_{module.name}").exists()


@pytest.mark.parametrize(
    "path",
    [path for path in sources.MODULES if not path.name.startswith("__")],
    ids=sources.name_of,
)
def test_module_has_tests_of_its_name_or_is_listed(path: Path) -> None:
    is_listed = sources.name_of(path).removesuffix(".py") in LISTED

    assert has_tests_of_its_name(path) != is_listed


def test_list_of_modules_that_are_tested_elsewhere_is_right() -> None:
    tests = [sources.ROOT / "tests" / path for path in ELSEWHERE]
    modules = [sources.ROOT / f"{name}.py" for name in LISTED]

    assert [str(path) for path in [*tests, *modules] if not path.exists()] == []
    assert len(set(LISTED)) == len(LISTED)
