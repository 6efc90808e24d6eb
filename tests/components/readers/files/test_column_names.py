"""Which column a misspelt name may stand for."""

import pytest

from shardline.components.readers.files.column_names import (
    columns_shown,
    meant,
    nearest,
)


@pytest.mark.parametrize(
    ("name", "names", "expected"),
    [
        ("itm", ["item", "label"], "item"),
        ("ITEM", ["items", "item"], "item"),
        ("item", ["items", " Item "], " Item "),
        ("item", ["day", "price"], None),
        ("item", [], None),
    ],
)
def test_nearest_name(name: str, names: list[str], expected: str | None) -> None:
    assert nearest(name, names) == expected


def test_meant_is_a_sentence_or_nothing() -> None:
    assert meant("LABEL", ["item", "label"]) == "Did you mean `label`? "
    assert meant("it\x1bm", ["it\x1bem"]) == r"Did you mean `it\x1bem`? "
    assert meant("item", ["item", "item"]) == ""
    assert meant("item", ["price"]) == ""


def test_columns_are_named_up_to_twenty() -> None:
    assert columns_shown([]) == "none"
    assert columns_shown(["a", "b\n"]) == r"`a`, `b\n`"
    many = [f"c{number}" for number in range(21)]
    assert columns_shown(many).endswith("`c19` ...")
