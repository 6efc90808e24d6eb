"""Locations on this machine and in object stores."""

from pathlib import Path

import pytest

from shardline.configs.locations import bucket_of, is_remote, is_remote_path


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
