"""Side files that are read, and those that are refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from shardline_tests import load

from shardline.components.readers.files import BadInputError
from shardline.components.readers.files.joins.side_table import (
    SideTable,
    read_side_files,
)
from shardline.configs.column import Column

reading = load(Path(__file__).with_name("reading.py"))

FORMATS = ["csv", "parquet", "tfrecord"]
ROWS = [{"id": 1, "title": "One"}, {"id": 2, "title": "Two"}]


def _table(folder: Path, format_: str, columns: Any = None, **files: Any) -> SideTable:
    join = {
        "files": f"items*.{format_}",
        "format": format_,
        "key": "item",
        "file_key": "id",
        "columns": ["title"],
    }
    columns = columns or {"title": Column("string")}
    settings = reading.joined_settings(folder, columns, {"items": join}, **files)
    return read_side_files(settings.joins[0])


@pytest.mark.parametrize("format_", FORMATS)
def test_rows_of_all_files_are_found(
    format_: str, tmp_path: Path, write: Callable[..., str]
) -> None:
    write(f"items-1.{format_}", ROWS)
    write(f"items-2.{format_}", [{"id": 3, "title": "Three"}])
    table = _table(tmp_path, format_)
    rows = table.index.find(pa.array([b"3", b"1", b"4"], pa.large_binary()))
    assert rows.tolist() == [2, 0, -1]
    assert table.rows == 3


@pytest.mark.parametrize("format_", FORMATS)
def test_a_doubled_key_is_refused_with_both_places(
    format_: str, tmp_path: Path, write: Callable[..., str]
) -> None:
    write(f"items-1.{format_}", ROWS)
    write(f"items-2.{format_}", [{"id": 3, "title": "x"}, {"id": 1, "title": "One"}])
    first, second = ("line 2", "line 3") if format_ == "csv" else ("1", "2")
    with pytest.raises(BadInputError) as refused:
        _table(tmp_path, format_)
    assert "have the key '1'" in str(refused.value)
    assert f"items-1.{format_}, " in str(refused.value)
    assert f"{first}, and " in str(refused.value)
    assert f"items-2.{format_}, " in str(refused.value)
    assert f"{second}." in str(refused.value)


@pytest.mark.parametrize("format_", FORMATS)
def test_a_row_without_a_key_is_refused_or_left_out(
    format_: str, tmp_path: Path, write: Callable[..., str]
) -> None:
    write(f"items.{format_}", [*ROWS * 100, {"id": None, "title": "x"}][199:])
    with pytest.raises(BadInputError, match=r"column `id` has no key: .* Write one"):
        _table(tmp_path, format_)
    table = _table(tmp_path, format_, on_bad_example="skip")
    assert table.rows == 1
    assert table.bad.rows == {"column `id` has no key": 1}


def test_more_rows_without_keys_than_may_be_are_refused(
    tmp_path: Path, write: Callable[..., str]
) -> None:
    write("items.csv", [*ROWS, *[{"id": None, "title": "x"}] * 2])
    with pytest.raises(
        BadInputError, match=r"2 of the 4 rows of `data.files.join"
    ) as e:
        _table(tmp_path, "csv", on_bad_example="skip")
    assert "\n2 rows left out: column `id` has no key\n" in str(e.value)
    write("items.csv", [{"id": None, "title": "x"}])
    with pytest.raises(BadInputError, match="no row to join") as e:
        _table(tmp_path, "csv", on_bad_example="skip")
    assert "\n1 row left out: column `id` has no key\n" in str(e.value)


def test_files_without_rows_are_refused(
    tmp_path: Path, write: Callable[..., str]
) -> None:
    write("items.csv", b"id,title\n")
    with pytest.raises(BadInputError, match="no row to join in 1 files of"):
        _table(tmp_path, "csv")
    with pytest.raises(BadInputError, match=r"no file matches .*join.items.files"):
        _table(tmp_path, "parquet")


@pytest.mark.parametrize("format_", FORMATS)
def test_a_misspelt_column_names_the_one_that_may_be_meant(
    format_: str, tmp_path: Path, write: Callable[..., str]
) -> None:
    write(f"items.{format_}", [{"id": 1, "titel": "One"}])
    with pytest.raises(BadInputError, match="Did you mean `titel`"):
        _table(tmp_path, format_)


def test_another_dialect_is_hinted_at_by_its_own_key(
    tmp_path: Path, write: Callable[..., str]
) -> None:
    write("items.csv", b"id;title\n1;One\n")
    with pytest.raises(BadInputError, match=r"`data.files.join.items.dialect: \{deli"):
        _table(tmp_path, "csv")


def test_files_whose_types_differ_are_refused(
    tmp_path: Path, write: Callable[..., str]
) -> None:
    write("items-1.parquet", ROWS)
    write("items-2.parquet", [{"id": 3, "title": 3}])
    with pytest.raises(BadInputError, match=r"items-2.parquet: column `title` holds"):
        _table(tmp_path, "parquet")


def test_a_key_that_is_a_list_of_structs_is_refused(
    tmp_path: Path, write: Callable[..., str]
) -> None:
    write("items.parquet", [{"id": {"a": 1}, "title": "One"}])
    with pytest.raises(BadInputError, match=r"column `id` holds struct.* be a key"):
        _table(tmp_path, "parquet")


def test_all_names_that_a_header_lacks_are_told_at_once(
    tmp_path: Path, write: Callable[..., str]
) -> None:
    write("items.csv", b"di,titel\n1,One\n")
    with pytest.raises(BadInputError, match="columns `title`") as refused:
        _table(tmp_path, "csv")
    said = str(refused.value)
    assert "0 columns `id`" in said
    assert "expected one of each; it names `di`, `titel`. Did you mean `titel`?" in said
    assert "Correct the names in the configuration" in said
