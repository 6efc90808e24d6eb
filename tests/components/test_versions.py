"""The largest version among names."""

import pytest

from components.versions import latest_version


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([], None),
        (["9", "10"], 10),
        (["9/", "10/"], 10),
        (["7", "name", ".incoming-1-2", "8.tmp", "-9"], 7),
        (["name"], None),
    ],
    ids=str,
)
def test_latest_version_is_the_largest_number(
    names: list[str], expected: int | None
) -> None:
    assert latest_version(names) == expected
