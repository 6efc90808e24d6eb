"""Whether outputs can be written, before they are made."""

import errno
from pathlib import Path
from typing import Any

import pytest

from shardline.components.remote.access import AccessError, check_writable

pytestmark = pytest.mark.orchestration


def test_place_that_can_be_written_is_left_as_it_was(
    buckets: Any, tmp_path: Path
) -> None:
    check_writable([f"{buckets.new('b')}/serving/", str(tmp_path / "new" / "folder")])

    assert list(buckets.path("bucket://b").iterdir()) == []
    assert list((tmp_path / "new" / "folder").iterdir()) == []


@pytest.mark.parametrize(
    ("state", "number", "says"),
    [
        (
            "missing",
            errno.ENOENT,
            r"there is no bucket b\..*Make the bucket bucket://b",
        ),
        ("refuse_writes", errno.EACCES, r"may not write.*read, write and delete"),
        ("close", errno.EACCES, r"access to bucket b denied.*the account that this"),
    ],
)
def test_bucket_that_cannot_be_written_is_named_with_what_to_do(
    state: str, number: int, says: str, buckets: Any
) -> None:
    good = buckets.new("good")
    if state != "missing":
        buckets.new("b")
        getattr(buckets, state)("b")

    with pytest.raises(
        AccessError,
        match=r"^bucket://b/serving cannot be written: .*Tried to write the object "
        r"bucket://b/serving/\.shardline-access-\w+ and to remove it\. .*",
    ) as raised:
        check_writable([good, "bucket://b/serving"])

    assert raised.match(says)
    assert raised.value.errno == number


def test_without_credentials_the_account_is_asked_for(
    buckets: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SHARDLINE_TEST_BUCKETS")

    with pytest.raises(AccessError, match=r"No credentials: .*that account's cred"):
        check_writable(["bucket://b/serving"])


def test_scheme_that_nothing_serves_names_what_is_missing() -> None:
    with pytest.raises(
        AccessError, match=r"'unknown' not implemented.*Install .*reach unknown://"
    ):
        check_writable(["unknown://b/serving"])


def test_local_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(AccessError, match=r"The folder .*file/x cannot be written: "):
        check_writable([str(tmp_path / "file" / "x")])
