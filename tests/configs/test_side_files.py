"""What is said of files whose rows are joined to examples."""

from typing import Any

import pytest
from pydantic import ValidationError

from shardline.configs.side_files import SideFiles


def test_list_of_columns_keeps_their_names() -> None:
    items = SideFiles(files="items.csv", key="item", columns=["title", "genres"])

    assert items.columns == {"title": "title", "genres": "genres"}
    assert items.key_in_files == "item"


def test_columns_and_key_may_have_other_names_in_the_files() -> None:
    items = SideFiles(
        files="items.csv", key="item", file_key="id", columns={"item_name": "name"}
    )

    assert items.columns == {"item_name": "name"}
    assert items.key_in_files == "id"


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"columns": []}, "at least 1"),
        ({"columns": {}}, "at least 1"),
        ({"columns": ["item", "title"]}, "has the key `item`"),
        ({"columns": "title"}, "dictionary"),
        ({"columns": {"a": "title", "b": "title"}}, "`title` of the files two names"),
    ],
)
def test_what_cannot_be_is_said(keys: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        SideFiles(**{"files": "items.csv", "key": "item", **keys})
