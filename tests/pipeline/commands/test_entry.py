"""The program `shardline` where packages are missing, and where they are not."""

import importlib.metadata
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from shardline.pipeline.commands import entry

PROJECT = tomllib.loads(
    (Path(entry.__file__).parents[2] / "pyproject.toml").read_text()
)["project"]
# Modules that packages install beside those that anybody imports.
INTERNAL = {"google", "kfp_pipeline_spec", "tensorflow", "tests"}


class Missing:
    """Makes an import of some modules fail as if they were not installed."""

    def __init__(self, *names):
        self.names = names

    def find_spec(self, name, path=None, target=None):
        if name in self.names:
            raise ModuleNotFoundError(f"No module named '{name}'", name=name)
        return None


def end_of(monkeypatch, arguments, missing):
    """Runs the program without some modules; returns the message it ends with."""
    for name in list(sys.modules):
        if name.startswith("shardline.pipeline.commands.") and "entry" not in name:
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, missing, raising=False)
    monkeypatch.setattr(sys, "meta_path", [Missing(missing), *sys.meta_path])
    monkeypatch.setattr(sys, "argv", ["shardline", *arguments])
    with pytest.raises(SystemExit) as ended:
        entry.main()
    return ended.value.code


@pytest.mark.parametrize(
    ("arguments", "missing", "extra"),
    [
        ([], "typer", "pipeline"),
        (["run", "a.yaml"], "typer", "pipeline"),
        (["serve", "a.yaml"], "typer", "serve"),
        (["plan", "a.yaml", "--plots", "p"], "typer", "pipeline"),
    ],
)
def test_missing_package_names_the_extra_in_a_line(
    monkeypatch, arguments, missing, extra
):
    message = end_of(monkeypatch, arguments, missing)
    assert message == (
        f"shardline: the module {missing} is not installed. This command needs the "
        f"extra `{extra}`: pip install 'shardline[{extra}]'"
    )


@pytest.mark.parametrize(
    ("module", "arguments", "extra"),
    [
        ("aiohttp", ["serve", "m"], "serve"),
        ("grpc", ["serve", "m"], "serve"),
        ("grpc", ["run", "m"], "pipeline"),
        ("matplotlib", ["plan", "m"], "plots"),
        ("my_project", ["run", "m"], None),
        ("shardline", ["run", "m"], None),
    ],
)
def test_extra_follows_from_the_module_and_the_command(module, arguments, extra):
    assert entry._extra_of(module, arguments) == extra


def test_help_is_that_of_the_commands(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["shardline", "--help"])
    with pytest.raises(SystemExit) as ended:
        entry.main()
    assert ended.value.code == 0
    assert "serve-check" in capsys.readouterr().out


def test_modules_of_every_extra_are_listed():
    installed = importlib.metadata.packages_distributions()
    listed = {m for modules in entry.MODULES_OF_EXTRAS.values() for m in modules}
    for extra in ("pipeline", "plots", "serve"):
        for line in PROJECT["optional-dependencies"][extra]:
            package = canonicalize_name(Requirement(line).name)
            modules = {
                module
                for module, packages in installed.items()
                if package in map(canonicalize_name, packages)
            }
            assert modules & (listed | INTERNAL), f"{package}: {sorted(modules)}"
