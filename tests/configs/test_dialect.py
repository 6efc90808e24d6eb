"""What a dialect may say of CSV."""

from typing import Any

import pytest
from pydantic import ValidationError

from shardline.configs.dialect import Dialect


def test_default_is_csv_of_python() -> None:
    dialect = Dialect()

    assert (dialect.delimiter, dialect.quote, dialect.escape) == (",", '"', None)
    assert (dialect.encoding, dialect.decimal) == ("utf-8", ".")
    assert (dialect.header, dialect.missing, dialect.thousands) == (None, (), None)


@pytest.mark.parametrize(
    "keys",
    [
        {"delimiter": "::", "encoding": "latin-1"},
        {"delimiter": "\t", "quote": "none", "missing": ["\\N", "NA"]},
        {"delimiter": "\t", "escape": "\\", "missing": ["\\N", "NA"]},
        {"delimiter": ";", "escape": "\\", "decimal": ",", "thousands": "."},
        {"delimiter": "¦", "header": ["user", "größe"], "encoding": "UTF-16"},
        {"thousands": " ", "quote": "'"},
    ],
)
def test_dialects_that_files_have(keys: dict[str, Any]) -> None:
    assert Dialect(**keys).model_dump(exclude_defaults=True, mode="json") == keys


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"delimiter": ""}, "is empty"),
        ({"delimiter": "\n"}, "line break"),
        ({"delimiter": ";", "quote": ";"}, "`quote` is in `delimiter`"),
        ({"escape": '"'}, "`escape` is in `quote`"),
        ({"quote": "''"}, "one character"),
        ({"quote": "«"}, "one character of ASCII"),
        ({"encoding": "utf-9"}, "no encoding of that name"),
        ({"encoding": "base64"}, "no encoding of that name"),
        ({"header": ["a", "b", "a"]}, "names a column twice: a"),
        ({"header": []}, "at least 1"),
        ({"decimal": "3"}, "no digit"),
        ({"decimal": ",", "thousands": ","}, "are the same character"),
        ({"missing": [None]}, "put it between quotes"),
        ({"missing": [7]}, "put it between quotes"),
        ({"missing": ["N\\A"], "escape": "\\"}, "leave out `escape`"),
        ({"missing": ["\\\\N"], "escape": "\\"}, "leave out `escape`"),
        ({"missing": ["\\,"], "escape": "\\"}, "leave out `escape`"),
        ({"missing": ["\\"], "escape": "\\"}, "leave out `escape`"),
    ],
)
def test_what_cannot_be_is_said(keys: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Dialect(**keys)
