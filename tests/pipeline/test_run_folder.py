"""The folders of an output folder."""

from pathlib import Path

import pytest

from shardline.pipeline.run_folder import OutputError, RunFolder, RunFolderHeldError


def test_layout_makes_its_folders(tmp_path: Path) -> None:
    run_folder = RunFolder(tmp_path / "new" / "run")

    run_folder.make()

    for folder in (
        run_folder.artifacts,
        run_folder.serving,
        run_folder.logs,
        run_folder.data,
    ):
        assert folder.is_dir()
        assert folder.parent == run_folder.root
    assert sorted(path.name for path in run_folder.root.iterdir()) == [
        "artifacts",
        "data",
        "logs",
        "serving",
    ]


def test_layout_that_is_there_keeps_what_it_holds(tmp_path: Path) -> None:
    run_folder = RunFolder(tmp_path)
    run_folder.make()
    (run_folder.logs / "a.log").write_text("kept")

    run_folder.make()

    assert (run_folder.logs / "a.log").read_text() == "kept"


@pytest.mark.parametrize(
    ("below", "reason"), [("run", "Not a directory"), ("", "Not a directory")]
)
def test_folder_that_cannot_be_made_is_an_error_with_a_remedy(
    tmp_path: Path, below: str, reason: str
) -> None:
    (tmp_path / "file").touch()
    root = tmp_path / "file" / below

    with pytest.raises(
        OutputError,
        match=rf"The output folder {root} cannot be written: {reason}\. Choose another "
        r"with --output-dir\.",
    ):
        RunFolder(root).make()


def test_folder_without_write_permission_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**options: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)

    with pytest.raises(OutputError, match="cannot be written: Permission denied"):
        RunFolder(tmp_path).make()


def test_run_folder_has_one_holder_at_a_time(tmp_path: Path) -> None:
    run_folder = RunFolder(tmp_path)

    with run_folder.held():
        with (
            pytest.raises(RunFolderHeldError, match=f"^The run folder {tmp_path} is "),
            RunFolder(tmp_path).held(),
        ):
            pass
        assert run_folder.lock_file.read_text() != ""

    with run_folder.held():
        pass
    assert run_folder.lock_file.read_text() == ""
