"""What the tests of planning share: data of which each day is a folder."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shardline.components.readers.files import reader_of
from shardline.configs.schema import Data, Features


@pytest.fixture
def write_days(tmp_path: Path) -> Callable[..., Path]:
    """Writes folders, each with a file of one click."""

    def write(*names: str) -> Path:
        for name in names:
            folder = tmp_path / "clicks" / name
            folder.mkdir(parents=True)
            (folder / "part-0.csv").write_text("label,user\n1,ann\n")
        return tmp_path / "clicks"

    return write


@pytest.fixture
def files_by_day() -> tuple[str, str]:
    """The reader of such data, and its options."""
    files = {"format": "csv", "splits": {"train": "day-{SPAN}/*.csv"}}
    data = Data.model_validate({"files": files, "path": "clicks", "spans": {}})
    features: Any = Features.model_validate({"features": {"user": {"table": "user"}}})
    reader, options = reader_of(data, features)
    return reader, json.dumps(options)
