"""Side files that are read once in a process, and again once they change."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from shardline_tests import load

from shardline.components.readers.files import BadInputError
from shardline.components.readers.files.joins import side_tables as module
from shardline.components.readers.files.joins.side_tables import side_tables
from shardline.configs.column import Column

reading = load(Path(__file__).with_name("reading.py"))


def _joins(folder: Path) -> Any:
    told = {"key": "item", "file_key": "id"}
    joins = {
        "items": {**told, "files": "items.csv", "columns": ["title"]},
        "more": {**told, "files": "more.csv", "columns": ["year"]},
    }
    columns = {"title": Column("string"), "year": Column("int64")}
    return reading.joined_settings(folder, columns, joins).joins


def test_threads_share_what_one_of_them_has_read(
    tmp_path: Path, write: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    read = []
    real = module.read_side_files
    monkeypatch.setattr(
        module, "read_side_files", lambda join: read.append(join.name) or real(join)
    )
    write("items.csv", b"id,title\n1,One\n")
    write("more.csv", b"id,year\n1,1999\n")
    joins = _joins(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        tables = list(pool.map(side_tables, [joins] * 8))
    assert read == ["items", "more"]
    assert all(table is tables[0] for table in tables)
    write("more.csv", b"id,year\n1,2001\n")
    changed = _joins(tmp_path)
    assert side_tables(changed)[1].columns["year"].to_pylist() == [b"2001"]
    assert read == ["items", "more"] * 2
    assert side_tables(()) == []


def test_all_that_is_wrong_is_told_at_once(
    tmp_path: Path, write: Callable[..., str]
) -> None:
    write("items.csv", b"id,titel\n1,One\n")
    write("more.csv", b"id,year\n1,1\n1,2\n")
    with pytest.raises(BadInputError, match=r"(?s)Did you mean `titel`.*the key '1'"):
        side_tables(_joins(tmp_path))
