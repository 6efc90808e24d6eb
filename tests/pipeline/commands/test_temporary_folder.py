"""What libraries leave in the temporary folder is gone after a command."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from shardline.pipeline.commands.temporary_folder import temporary_folder_removed


@pytest.mark.parametrize("is_set", [True, False])
def test_files_left_inside_are_removed_and_the_setting_is_as_before(
    is_set: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if is_set:
        monkeypatch.setenv("TMPDIR", str(tmp_path))
    else:
        monkeypatch.delenv("TMPDIR", raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    with temporary_folder_removed():
        inside = Path(tempfile.mkdtemp())
        made = [sys.executable, "-c", "import tempfile; print(tempfile.mkdtemp())"]
        of_a_process = subprocess.run(made, capture_output=True, text=True, check=True)
        assert inside.parent == Path(of_a_process.stdout.strip()).parent
        assert inside.parent.parent == tmp_path

    assert not inside.parent.exists()
    assert os.environ.get("TMPDIR") == (str(tmp_path) if is_set else None)
    assert tempfile.tempdir == str(tmp_path)


def test_folder_is_removed_after_an_interruption() -> None:
    left = []

    def interrupted() -> None:
        left.append(Path(tempfile.mkdtemp()))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), temporary_folder_removed():
        interrupted()

    assert not left[0].parent.exists()
