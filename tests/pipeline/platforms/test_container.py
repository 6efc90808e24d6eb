"""A step on a platform begins with empty outputs, and leaves none if it fails."""

import json
import runpy
import sys
from pathlib import Path
from typing import Any

import pytest

from shardline.components.remote.access import AccessError
from shardline.pipeline.platforms import container

pytestmark = pytest.mark.orchestration


def _arguments(*uris: str) -> list[str]:
    artifacts = {
        f"output{number}": {"artifacts": [{"uri": uri}]}
        for number, uri in enumerate(uris)
    }
    asked = {
        "inputs": {"artifacts": {"plan": {"artifacts": [{"uri": "gs://b/plan"}]}}},
        "outputs": {"artifacts": artifacts, "outputFile": "gs://b/output.json"},
    }
    return [
        "--executor_class_path",
        "a.B",
        "--json_serialized_invocation_args",
        json.dumps(asked),
        "--runner=R",
    ]


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """An output in which an earlier try has left something."""
    folder = tmp_path / "model"
    (folder / "parity").mkdir(parents=True)
    (folder / "parity" / "scores").touch()
    return folder


def _run(
    monkeypatch: pytest.MonkeyPatch, output: Path, end: BaseException
) -> list[Path]:
    """Runs a step that writes and ends; returns what it found of its output."""
    found: list[Path] = []

    def executor(*_: Any, **__: Any) -> None:
        found.extend(output.rglob("*"))
        output.mkdir()
        (output / "half").touch()
        raise end

    monkeypatch.setattr(runpy, "run_module", executor)
    monkeypatch.setattr(sys, "argv", ["container.py", *_arguments(str(output))])
    with pytest.raises(type(end)):
        container.main()
    return found


def test_outputs_are_those_of_the_executor_input() -> None:
    assert container.output_uris(_arguments("gs://b/1", "/2")) == ["gs://b/1", "/2"]


def test_step_without_outputs_has_none() -> None:
    asked = '{"outputs": {"outputFile": "gs://b/output.json"}}'
    arguments = ["--json_serialized_invocation_args", asked]

    assert container.output_uris(arguments) == []


def test_what_an_earlier_try_left_is_gone(
    monkeypatch: pytest.MonkeyPatch, output: Path
) -> None:
    found = _run(monkeypatch, output, SystemExit(0))

    assert found == []
    assert [path.name for path in output.iterdir()] == ["half"]


@pytest.mark.parametrize("end", [SystemExit(1), ValueError("the reason")])
def test_step_that_fails_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, output: Path, end: BaseException
) -> None:
    _run(monkeypatch, output, end)

    assert not output.exists()


def test_output_on_an_object_store_is_removed(buckets: Any) -> None:
    uri = f"{buckets.new('b')}/model"
    left = buckets.path(f"{uri}/parity/scores")
    left.parent.mkdir(parents=True)
    left.touch()

    container.remove([uri, f"{uri}-of-another"])

    assert not left.exists()


def test_step_whose_output_cannot_be_written_does_not_begin(
    buckets: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    buckets.new("b")
    buckets.refuse_writes("b")
    monkeypatch.setattr(sys, "argv", ["container.py", *_arguments("bucket://b/model")])

    with pytest.raises(AccessError, match=r"^bucket://b/model cannot be written: "):
        container.main()
