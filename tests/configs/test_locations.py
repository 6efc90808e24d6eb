"""Locations on this machine and in object stores."""

from pathlib import Path

import pytest

from shardline.configs.locations import (
    absolute_location,
    bucket_of,
    is_remote,
    is_remote_path,
)


@pytest.mark.parametrize(
    ("location", "remote"),
    [
        ("gs://bucket/a/b", True),
        ("hdfs://host:9000/a", True),
        ("/a/b", False),
        ("a/b", False),
        ("a:b", False),
        ("", False),
    ],
)
def test_a_scheme_tells(location: str, remote: bool) -> None:
    assert is_remote(location) is remote
    # As a path it has lost a slash.
    assert is_remote_path(Path(location)) is remote


def test_bucket_is_named_with_its_scheme() -> None:
    assert bucket_of("gs://bucket/a/b") == "gs://bucket"
    assert bucket_of("gs://bucket") == "gs://bucket"


def test_place_is_the_same_for_processes_in_other_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert absolute_location("a.zip!/b") == f"{tmp_path}/a.zip!/b"
    assert absolute_location("gs://bucket/a") == "gs://bucket/a"
