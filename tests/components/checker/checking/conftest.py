"""Writes files and a configuration, and checks them."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from shardline_tests import load

from shardline.components.checker.checking import check
from shardline.components.checker.report import Report

written = load(Path(__file__).with_name("written_files.py"))
CONFIG = written.CONFIG
Columns = written.Columns
good = written.good
content_of = written.content_of


@pytest.fixture
def checked(tmp_path: Path) -> Callable[..., Report]:
    """Writes files of two splits and a configuration, and checks them."""

    def run(
        form: str,
        files: Mapping[str, Columns | bytes],
        changes: Mapping[str, str] | None = None,
        rows: int = 1000,
    ) -> Report:
        for name, columns in ({"late-0": good()} | dict(files)).items():
            if isinstance(columns, bytes):
                (tmp_path / name).write_bytes(columns)
            else:
                content_of(columns, form, tmp_path / name)
        text = CONFIG.replace("FOLDER", str(tmp_path)).replace("FORMAT", form)
        for old, new in (changes or {}).items():
            assert old in text
            text = text.replace(old, new, 1)
        (tmp_path / "files.yaml").write_text(text)
        return check(tmp_path / "files.yaml", rows, lambda _: None)

    return run
