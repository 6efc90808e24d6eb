"""The folders of an output folder."""

from pathlib import Path

import pytest

from shardline.pipeline.layout import Layout, OutputError


def test_layout_makes_its_folders(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "new" / "run")

    layout.make()

    for folder in (layout.artifacts, layout.serving, layout.logs, layout.data):
        assert folder.is_dir()
        assert folder.parent == layout.root
    assert sorted(path.name for path in layout.root.iterdir()) == [
        "artifacts",
        "data",
        "logs",
        "serving",
    ]


def test_layout_that_is_there_keeps_what_it_holds(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    layout.make()
    (layout.logs / "a.log").write_text("kept")

    layout.make()

    assert (layout.logs / "a.log").read_text() == "kept"


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
        Layout(root).make()


def test_folder_without_write_permission_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**options: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)

    with pytest.raises(OutputError, match="cannot be written: Permission denied"):
        Layout(tmp_path).make()
