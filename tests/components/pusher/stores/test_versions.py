"""Versions among names."""

import pytest

from shardline.components.pusher.stores.versions import latest_version, versions_among


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([], None),
        (["9", "10"], 10),
        (["9/", "10/"], 10),
        (["7", "name", ".incoming-1-2", "8.tmp", "-9"], 7),
        (["name"], None),
        (["7", "08", "٩"], 7),
        (["7", str(2**63), "9" * 5000], 7),
        ([str(2**63 - 1)], 2**63 - 1),
    ],
    ids=["none", "two", "slashes", "others", "name", "digits", "large", "largest"],
)
def test_latest_version_is_the_largest_number(
    names: list[str], expected: int | None
) -> None:
    assert latest_version(names) == expected


def test_versions_are_in_order() -> None:
    assert versions_among(["10", "9/", "deltas", ".lock"]) == [9, 10]
