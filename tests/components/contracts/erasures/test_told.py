"""What was erased is not shown by messages on raw data that still holds it."""

import pytest

from shardline.components.contracts.erasures.columns import ErasableColumn
from shardline.components.contracts.erasures.told import without_erased
from shardline.components.contracts.erasures.tombstones import Tombstones

USERS = {"user_id": ErasableColumn(tables=("user",), ragged=False)}
PLAIN, DISTINCTIVE = (b"17", b"o'brien's"), (b"ann-2020", b"123456789")
ERASURE = (
    Tombstones()
    .with_tokens("user", USERS, [*PLAIN, *DISTINCTIVE], DISTINCTIVE)
    .erasure(USERS, ["user_id"])
)


@pytest.mark.parametrize(
    ("line", "left"),
    [
        (
            "keys such as '17', 'ann-2020', 'bob'",
            "keys such as '[erased]', '[erased]', 'bob'",
        ),
        ("its key '17' is not in `users`.", "its key '[erased]' is not in `users`."),
        ("its key 'o'brien's' is not", "its key '[erased]' is not"),
        ("line 17: it holds 123456789. Write", "line 17: it holds [erased]. Write"),
        ("row 3 of ann-2020: '170'", "row 3 of [erased]: '170'"),
        ("it's 'ann-2020-b', isn't it", "it's 'ann-2020-b', isn't it"),
        ("a lone surrogate \udcff and '17'", "a lone surrogate \udcff and '[erased]'"),
        ("", ""),
    ],
)
def test_erased_values_are_not_shown(line: str, left: str) -> None:
    assert without_erased(line, ERASURE) == left


def test_many_quotes_take_no_long_time() -> None:
    line = "'" * 100_000

    assert without_erased(line, ERASURE) == line
