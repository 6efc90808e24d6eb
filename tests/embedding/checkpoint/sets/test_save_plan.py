"""Which kind of set takes less room."""

import pytest

from shardline.embedding.checkpoint.sets.manifest import StoredTable
from shardline.embedding.checkpoint.sets.save_plan import is_less

# 8 and 24 bytes a row; the number of a row takes 8 more in a differential set.
TABLES = {
    "narrow": StoredTable(100, 2, (), 100),
    "wide": StoredTable(50, 2, ("a", "b"), 50),
}


@pytest.mark.parametrize(
    ("narrow", "wide", "less"),
    [
        (0, 0, True),
        (100, 50, False),
        (50, 37, True),  # 16 * 50 + 32 * 37 = 1984 of 2000 bytes
        (51, 37, False),
        (0, 62, True),
        (125, 0, False),
    ],
)
def test_numbers_of_rows_count(narrow, wide, less):
    assert is_less({"narrow": narrow, "wide": wide}, TABLES) == less


def test_rows_that_nothing_tracks_are_all():
    assert not is_less(None, TABLES)
