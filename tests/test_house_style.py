"""What the linters do not check: documented errors, and modules of a readable size."""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("configs", "embedding", "components", "pipeline")
MODULES = sorted(
    path for package in PACKAGES for path in (ROOT / package).rglob("*.py")
)
# The docstrings of commands are what `shardline --help` prints.
COMMANDS = ROOT / "pipeline" / "commands" / "app.py"


def public_functions(body: list[ast.stmt]) -> Iterator[ast.FunctionDef]:
    """Yields public functions, and the methods of public classes."""
    for node in body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from public_functions(node.body)
        elif isinstance(node, ast.FunctionDef):
            if node.name == "__init__" or not node.name.startswith("_"):
                yield node


def raises_itself(function: ast.FunctionDef) -> bool:
    """Tells whether the function's own body raises a new exception."""
    pending = list(function.body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            return True
        if not isinstance(node, (ast.FunctionDef, ast.Lambda, ast.ClassDef)):
            pending += list(ast.iter_child_nodes(node))
    return False


def undocumented(source: str) -> list[str]:
    return [
        function.name
        for function in public_functions(ast.parse(source).body)
        if raises_itself(function)
        and "Raises:" not in (ast.get_docstring(function) or "")
    ]


def test_wheel_has_every_package():
    packages = {
        ".".join(["shardline", *path.parent.relative_to(ROOT).parts])
        for path in MODULES
        if path.name == "__init__.py"
    } | {"shardline"}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert set(project["tool"]["setuptools"]["packages"]) == packages


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_public_function_that_raises_says_what(path):
    if path == COMMANDS:
        pytest.skip("the docstrings of commands are their help")
    assert undocumented(path.read_text()) == []


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_module_has_at_most_400_lines(path):
    assert len(path.read_text().splitlines()) <= 400


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("def f():\n    raise ValueError('x')", ["f"]),
        ("def f():\n    'Raises:\\n  ValueError: x'\n    raise ValueError('x')", []),
        ("def _f():\n    raise ValueError('x')", []),
        ("def f():\n    try:\n        g()\n    except E:\n        raise", []),
        ("class C:\n    def f(self):\n        if x:\n            raise E('x')", ["f"]),
        ("def f():\n    def g():\n        raise E('x')\n    return g", []),
    ],
)
def test_the_check_itself_finds_what_it_should(source, found):
    assert undocumented(source) == found
