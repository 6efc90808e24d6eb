"""Objects as Python's own files."""

import io
from typing import Any

import pytest
import tensorflow as tf

from shardline.components.remote.files import (
    as_os_errors,
    exists_remote,
    open_remote,
    read_remote,
    remove_remote,
    write_remote,
)


def test_object_is_written_read_and_removed(buckets: Any) -> None:
    place = f"{buckets.new('b')}/a/b"

    write_remote(place, b"content")
    assert read_remote(place) == b"content"
    assert exists_remote(place)
    assert exists_remote("bucket://b/a")

    remove_remote(place)
    assert not exists_remote(place)


@pytest.mark.parametrize("content", [b"", b"x", b"0123456789" * 300_000])
def test_opened_objects_are_files_of_python(content: bytes, buckets: Any) -> None:
    place = f"{buckets.new('b')}/a"

    with open_remote(place, "wb") as file:
        file.write(content)
        assert not exists_remote(place)
    with open_remote(place) as file:
        assert file.read() == content
        assert file.seek(-1, io.SEEK_END) == len(content) - 1 if content else True
        assert file.read() == content[-1:]


@pytest.mark.parametrize(
    ("state", "error"),
    [
        ("missing", FileNotFoundError),
        ("refuse_writes", PermissionError),
        ("close", PermissionError),
    ],
)
def test_refusals_are_errors_of_python_that_name_the_object(
    state: str, error: type[OSError], buckets: Any
) -> None:
    if state != "missing":
        buckets.new("b")
        getattr(buckets, state)("b")
    place = "bucket://b/a"

    with pytest.raises(error, match=place):
        write_remote(place, b"content")
    file = open_remote(place, "wb")
    file.write(b"content")
    with pytest.raises(error, match=place):
        file.close()
    for use in (read_remote, remove_remote, open_remote):
        with pytest.raises((error, FileNotFoundError), match=place):
            use(place)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (tf.errors.UnavailableError, TimeoutError),
        (tf.errors.DeadlineExceededError, TimeoutError),
        (tf.errors.UnauthenticatedError, PermissionError),
        (tf.errors.NotFoundError, FileNotFoundError),
        (tf.errors.DataLossError, OSError),
    ],
)
def test_what_can_pass_is_told_from_what_cannot(
    error: type[tf.errors.OpError], kind: type[OSError]
) -> None:
    with (
        pytest.raises(kind, match=r"the store says so: 'gs://b/a'") as told,
        as_os_errors("gs://b/a"),
    ):
        raise error(None, None, "the store\n  says so")
    assert type(told.value) is kind


def test_unknown_scheme_is_an_error() -> None:
    with pytest.raises(OSError, match="File system scheme 'unknown' not implemented"):
        read_remote("unknown://b/a")
