"""How large the parts are that are written and read at once."""

import pytest

from shardline.embedding.checkpoint.pieces import rows_of


@pytest.mark.parametrize("dim", [1, 3, 16, 2**23, 2**24 + 1])
def test_slice_of_a_wide_table_holds_sixteen_rows_or_more(dim):
    rows = rows_of(2**25, dim)
    assert rows % 16 == 0
    assert rows == 16 or rows * dim * 4 <= 2**25
