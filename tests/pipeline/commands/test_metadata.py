"""`shardline metadata check` as a user sees it."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from shardline_tests import load
from typer.testing import Result

from shardline.pipeline.run_folder import RunFolder

pytestmark = pytest.mark.orchestration
run_folders = load("pipeline/metadata/run_folders.py")


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    """A run folder of which an output is gone, and its record is not."""
    folder = run_folders.finished(tmp_path / "small")
    shutil.rmtree(folder.artifacts / "Maker/model/2")
    return folder


def test_findings_are_shown_with_what_would_mend_them(
    invoke: Callable[..., Result], folder: RunFolder
) -> None:
    result = invoke("metadata", "check", "--output-dir", folder.root)

    assert result.exit_code == 1
    header, gone, record = result.output.splitlines()
    assert header.split() == ["What", "Found", "Why", "With", "--mend"]
    assert gone.split()[:3] == ["Maker/model/2", "files", "gone"]
    why = f"{folder.artifacts}/Maker/model/2 is gone mark deleted"
    assert gone.rstrip().endswith(why)
    assert record.startswith("Maker/.files/model-2.json unknown files ")


def test_mended_run_folder_has_nothing_to_find(
    invoke: Callable[..., Result], folder: RunFolder
) -> None:
    mended = invoke("metadata", "check", "--output-dir", folder.root, "--mend")
    again = invoke("metadata", "check", "--output-dir", folder.root)

    assert mended.exit_code == 0
    assert "Mended (mark deleted): Maker/model/2: " in mended.output
    assert "Mended (remove): Maker/.files/model-2.json: " in mended.output
    assert again.exit_code == 0
    assert again.output == f"{folder.root} holds what its metadata store says\n"


def test_findings_are_for_programs_too(
    invoke: Callable[..., Result], folder: RunFolder
) -> None:
    result = invoke("metadata", "check", "--output-dir", folder.root, "--json")

    assert result.exit_code == 1
    told = json.loads(result.output)
    assert told["held_by"] is None
    assert told["mended"] == []
    assert [one["kind"] for one in told["findings"]] == ["files gone", "unknown files"]
    assert told["findings"][0]["mending"] == "mark deleted"


def test_folder_that_a_run_holds_is_looked_at_and_not_mended(
    invoke: Callable[..., Result], folder: RunFolder
) -> None:
    with folder.held():
        looked = invoke("metadata", "check", "--output-dir", folder.root)
        refused = invoke("metadata", "check", "--output-dir", folder.root, "--mend")

    assert looked.exit_code == 1
    assert looked.output.startswith("Held by process ")
    assert refused.exit_code == 1
    assert f"The run folder {folder.root} is held by process " in refused.output
    assert "Mended" not in refused.output


def test_run_folder_is_that_of_the_configuration(
    invoke: Callable[..., Result],
    small_config: Callable[..., Path],
    folder: RunFolder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (folder.root.parent / "runs").mkdir()
    folder.root.rename(folder.root.parent / "runs/small")
    monkeypatch.chdir(folder.root.parent)

    result = invoke("metadata", "check", small_config())

    assert result.exit_code == 1
    assert "the run folder was moved; move it back" in result.output


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        ([], 2, "Give a configuration, or --output-dir."),
        (["--output-dir", "nowhere"], 1, "nowhere holds no metadata store: no run has"),
        (["absent.yaml"], 1, "absent.yaml"),
    ],
)
def test_what_cannot_be_looked_at_is_told(
    invoke: Callable[..., Result],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    code: int,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)

    result = invoke("metadata", "check", *options)

    assert result.exit_code == code
    assert message in result.output
    assert list(tmp_path.iterdir()) == []
