"""The program that asks a model has TensorFlow, and nothing of this project."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shardline.components.contracts.parity_examples import EXAMPLES_FILE, model_parity
from shardline.components.contracts.parity_lookups import ARRAYS_FILE, LOOKUPS_FILE
from shardline.components.validator.replay import program


@pytest.fixture
def request_for(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Returns what the program is asked about a model."""

    def make(folder: str, **values: Any) -> dict[str, Any]:
        parity = model_parity(folder)
        return {
            "model": folder,
            "examples": str(parity / EXAMPLES_FILE),
            "lookups": str(parity / LOOKUPS_FILE),
            "arrays": str(parity / ARRAYS_FILE),
            "answers": str(tmp_path / "answers.npz"),
            "requests": 1,
            "sizes": [],
            **values,
        }

    return make


def test_model_without_lookups_is_refused(
    export: Callable[..., str], request_for: Callable[..., dict[str, Any]]
) -> None:
    with pytest.raises(SystemExit, match="has no signature `lookup`, only"):
        program.main(request_for(export(has_lookup=False)))


def test_times_are_told_by_the_size_of_requests(
    export: Callable[..., str], request_for: Callable[..., dict[str, Any]]
) -> None:
    line = program.main(request_for(export(), requests=4, sizes=[1, 5]))

    report = json.loads(line)
    assert {size: len(times) for size, times in report["request_ms"].items()} == {
        "1": 4,
        "5": 4,
    }
    assert report["refusals"][0] is None


def test_fresh_process_imports_nothing_of_this_project(
    export: Callable[..., str], request_for: Callable[..., dict[str, Any]]
) -> None:
    code = (
        "import runpy, sys;"
        f"runpy.run_path({program.__file__!r}, run_name='__main__');"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )

    done = subprocess.run(
        [sys.executable, "-I", "-c", code],
        input=json.dumps(request_for(export())),
        capture_output=True,
        text=True,
        check=True,
    )

    imported = set(done.stdout.splitlines()[-1].split())
    assert "tensorflow" in imported
    assert "shardline" not in imported
    assert not imported & {"tfx", "tensorflow_transform", "apache_beam", "keras_rs"}
