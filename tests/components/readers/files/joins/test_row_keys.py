"""Keys of joins in CSV: the same whatever else reads their columns."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from shardline_tests import load

from shardline.components.readers.files import BadInput
from shardline.configs.column import Column

reading = load(Path(__file__).with_name("reading.py"))

TITLE = {"title": Column("string", optional=True)}
_KEY_READERS = [
    None,
    Column("string", optional=True),
    Column("int64", optional=True),
    Column("float", optional=True),
    Column("string", ragged=True),
    Column("int64", ragged=True),
]
_GERMAN = {"delimiter": ";", "decimal": ",", "thousands": "."}


@pytest.mark.parametrize("column", _KEY_READERS)
@pytest.mark.parametrize("of_side", ["same", "plain", "parquet"])
def test_what_else_reads_a_key_does_not_change_the_join(
    column: Column | None, of_side: str, tmp_path: Path, write: Callable[..., str]
) -> None:
    """Numbers are keys as the dialect of their own file means them."""
    file = write("examples.csv", b"item;n\n1.234;0\n 17,0 ;1\n1.000;2\n1;3\n;4\n5;5\n")
    join: dict[str, Any] = {"key": "item", "columns": ["title"]}
    titles = {1234: "A", 17: "B", 1000: "C", 1: "D"}
    if of_side == "parquet":
        rows = [{"item": key, "title": title} for key, title in titles.items()]
        write("items.parquet", rows)
        join |= {"files": "items.parquet", "format": "parquet"}
    elif of_side == "plain":
        rows = [f"{key},{title}\n" for key, title in titles.items()]
        write("items.csv", f"item,title\n{''.join(rows)}".encode())
        join |= {"files": "items.csv", "dialect": {}}
    else:
        write("items.csv", b"item;title\n1234;A\n17;B\n1.000;C\n1,0;D\n")
        join |= {"files": "items.csv"}
    columns = {**TITLE, "n": Column("int64")}
    if column is not None:
        columns["item"] = column
    settings = reading.joined_settings(
        tmp_path, columns, {"items": join}, dialect=_GERMAN
    )
    bad = BadInput()
    found = [row["title"] for row in reading.read_rows(file, settings, bad)]
    assert found == [[b"A"], [b"B"], [b"C"], [b"D"], [], []]
    assert bad.unmatched.examples == {"items": 1}
    assert bad.unmatched.without_key == {"items": 1}


@pytest.mark.parametrize("column", _KEY_READERS)
@pytest.mark.parametrize("dialect", [{}, _GERMAN])
def test_what_reads_a_joined_key_does_not_change_the_join_after_it(
    column: Column | None,
    dialect: dict[str, str],
    tmp_path: Path,
    write: Callable[..., str],
) -> None:
    by = dialect.get("delimiter", ",")
    point = dialect.get("decimal", ".")
    write("items.csv", f"item{by}maker\n1{by}7{point}0\n2{by}8\n".encode())
    write("makers.csv", f"maker{by}city\n7{by}Bern\n8{point}0{by}Rom\n".encode())
    file = write("examples.csv", b"item\n1\n2\n3\n")
    joins = {
        "items": {"files": "items.csv", "key": "item", "columns": ["maker"]},
        "makers": {"files": "makers.csv", "key": "maker", "columns": ["city"]},
    }
    columns = {"city": Column("string", optional=True)}
    if column is not None:
        columns["maker"] = column
    settings = reading.joined_settings(tmp_path, columns, joins, dialect=dialect)
    rows = reading.read_rows(file, settings)
    assert [row["city"] for row in rows] == [[b"Bern"], [b"Rom"], []]
    if column is not None:
        assert [len(row["maker"]) for row in rows] == [1, 1, 0]


@pytest.mark.parametrize("column", _KEY_READERS[:2])
def test_keys_that_are_no_numbers_of_the_dialect_are_text(
    column: Column | None, tmp_path: Path, write: Callable[..., str]
) -> None:
    write("items.csv", b"item;title\n1.5;A\n7.5.1;B\n0.500;C\n a ;D\n")
    file = write("examples.csv", b"item\n1.5\n7.5.1\n0.500\n a \na\n")
    join = {"files": "items.csv", "key": "item", "columns": ["title"]}
    columns = TITLE | ({"item": column} if column else {})
    settings = reading.joined_settings(
        tmp_path, columns, {"items": join}, dialect=_GERMAN
    )
    found = [row["title"] for row in reading.read_rows(file, settings)]
    assert found == [[b"A"], [b"B"], [b"C"], [b"D"], []]
