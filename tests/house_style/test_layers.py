"""The contracts of imports that `make lint` checks catch what they are for."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from shardline_tests import load

sources = load(Path(__file__).with_name("sources.py"))

CONFIG = sources.ROOT / "pyproject.toml"
COMMAND = "from importlinter.cli import lint_imports_command; lint_imports_command()"
DOWNWARD = "Imports point downward"
ENGINE = "The engine knows TensorFlow and numpy only"
METADATA = "ML Metadata is used in one package"
STEPS = "A step imports only steps before it, and what steps share"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The layers, empty but for modules that the contracts name, and their imports."""
    for package in (".", *sources.PACKAGES):
        write(tmp_path / "shardline" / package / "__init__.py", "")
    settings = tomllib.loads(CONFIG.read_text())["tool"]["importlinter"]
    for contract in settings["contracts"]:
        for allowed in contract.get("ignore_imports", []):
            importer, _, imported = allowed.partition(" -> ")
            module = tmp_path.joinpath(*importer.split(".")).with_suffix(".py")
            write(module.with_name("__init__.py"), "")
            write(module, f"import {imported}\n")
        for container in contract.get("containers", []):
            for name in re.findall(r"\w+", " ".join(contract["layers"])):
                write(tmp_path.joinpath(*container.split("."), f"{name}.py"), "")
    return tmp_path


def write(path: Path, text: str) -> None:
    """Writes a file, and makes its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def broken_contracts(tree: Path) -> list[str]:
    """Runs import-linter; returns the contracts that a tree breaks."""
    finished = subprocess.run(
        [sys.executable, "-c", COMMAND, "--config", str(CONFIG), "--no-cache"],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree)},
        capture_output=True,
        text=True,
        check=False,
    )
    lines = finished.stdout.splitlines()
    assert any("Contracts: " in line for line in lines), finished.stdout
    broken = [line.split(" BROKEN")[0] for line in lines if "BROKEN" in line]
    assert bool(finished.returncode) == bool(broken)
    return broken


@pytest.mark.parametrize(
    ("module", "line", "broken"),
    [
        ("pipeline/run.py", "import shardline.embedding", []),
        ("components/trainer.py", "import shardline.pipeline", [DOWNWARD]),
        ("embedding/engine.py", "import shardline.components", [DOWNWARD]),
        ("configs/load.py", "from shardline import embedding", [DOWNWARD]),
        ("embedding/engine.py", "import pydantic", [ENGINE]),
        ("embedding/engine.py", "import tfx.types", [ENGINE]),
        ("pipeline/run.py", "import ml_metadata", [METADATA]),
        ("components/exporter.py", "import shardline.components.trainer", []),
        ("components/features.py", "import shardline.components.trainer", [STEPS]),
        ("components/contracts.py", "import shardline.components.pusher", [STEPS]),
    ],
)
def test_import_that_is_not_allowed_is_found(
    tree: Path, module: str, line: str, broken: list[str]
) -> None:
    write(tree / "shardline" / module, f"{line}\n")

    assert broken_contracts(tree) == broken
