"""A small archive in the format of MovieLens-100K, written by hand."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from shardline_tests import load

shared = load(Path(__file__).with_name("small_archive.py"))


@pytest.fixture
def small(tmp_path: Path) -> Callable[..., Path]:
    """Writes an archive of four ratings, with members changed or, by None, left out."""

    def write(changed: dict[str, str | None] | None = None) -> Path:
        path = tmp_path / "small.zip"
        with zipfile.ZipFile(path, "w") as opened:
            for member, text in {**shared.SMALL, **(changed or {})}.items():
                if text is not None:
                    opened.writestr(shared.FOLDER + member, text)
        return path

    return write
