"""What a column holds, in words."""

import pytest
from pydantic import ValidationError

from shardline.configs.column import Column


@pytest.mark.parametrize(
    ("column", "words"),
    [
        (Column("string"), "one string"),
        (Column("float", optional=True), "one float"),
        (Column("int64", ragged=True), "any number of int64 values"),
    ],
)
def test_column_says_what_an_example_holds(column: Column, words: str) -> None:
    assert str(column) == words


def test_column_has_one_of_three_types() -> None:
    with pytest.raises(ValidationError, match="'string', 'int64' or 'float'"):
        Column("bool")  # type: ignore[arg-type]
