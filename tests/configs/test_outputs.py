"""Where a run's outputs go by default, and how they are told from data."""

from pathlib import Path

import pytest

from shardline.configs.outputs import (
    downloads_folder,
    is_output_folder,
    output_folder,
)


def test_downloads_lie_in_the_output_folder_of_the_run() -> None:
    assert output_folder("sales") == Path("runs/sales")
    assert downloads_folder("sales") == Path("runs/sales/data")


@pytest.mark.parametrize(
    ("folders", "files", "expected"),
    [
        (["artifacts", "logs"], ["metadata.sqlite"], True),
        (["artifacts"], ["a.csv"], False),
        (["day=1"], ["metadata.sqlite"], False),
    ],
)
def test_output_folder_has_metadata_and_artifacts(
    folders: list[str], files: list[str], expected: bool
) -> None:
    assert is_output_folder(folders, files) is expected
