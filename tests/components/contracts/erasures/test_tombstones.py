"""What was erased is known by hashes, for ever, and by nobody who has them not."""

import pickle
from pathlib import Path

import pytest

from shardline.components.contracts.erasures.columns import ErasableColumn
from shardline.components.contracts.erasures.tombstones import (
    TOMBSTONES_FILE,
    HashedTokens,
    Tombstones,
    TombstonesError,
    load_tombstones,
)

USER = {"user_id": ErasableColumn(tables=("user",), ragged=False)}


def test_file_holds_no_token_and_tells_each(tmp_path: Path) -> None:
    erased = Tombstones().with_tokens("user", ["user_id"], [b"ann", b"bob"], [b"ann"])

    erased.save(str(tmp_path))
    found = load_tombstones(str(tmp_path))

    assert found == erased
    text = (tmp_path / TOMBSTONES_FILE).read_text()
    assert "ann" not in text
    assert "bob" not in text
    tokens = found.erasure(USER, ["user_id"]).columns["user_id"].tokens
    assert [name in tokens for name in (b"ann", b"bob", b"cid")] == [True, True, False]


def test_more_is_added_to_what_was_erased_under_the_same_salt() -> None:
    first = Tombstones().with_tokens("user", ["user_id"], [b"ann"], [])

    second = first.with_tokens("user", ["visitor"], [b"bob", b"ann"], [])

    assert second.salt == first.salt
    assert set(first.tables["user"].hashes) < set(second.tables["user"].hashes)
    assert len(second.tables["user"].hashes) == 2
    assert second.tables["user"].columns == ("user_id", "visitor")


@pytest.mark.parametrize(
    ("column", "tables"), [("user_id", ("people",)), ("visitor", ("user",))]
)
def test_column_of_another_table_and_table_of_another_column_are_known(
    column: str, tables: tuple[str, ...]
) -> None:
    erased = Tombstones().with_tokens("user", ["user_id"], [b"ann"], [])

    erasure = erased.erasure(
        {column: ErasableColumn(tables=tables, ragged=False)}, [column]
    )

    assert b"ann" in erasure.columns[column].tokens


def test_other_columns_lose_nothing() -> None:
    erased = Tombstones().with_tokens("user", ["user_id"], [b"ann"], [])
    movie = {"movie_id": ErasableColumn(tables=("movie",), ragged=False)}

    assert not erased.erasure(movie, ["movie_id"]).columns


def test_two_files_have_other_salts() -> None:
    first, second = (
        Tombstones().with_tokens("user", [], [b"ann"], []) for _ in range(2)
    )

    assert first.tables != second.tables


def test_workers_are_given_hashes_that_still_tell() -> None:
    tokens = HashedTokens(b"salt", Tombstones(salt="00").tables)
    assert len(pickle.loads(pickle.dumps(tokens))) == 0
    with pytest.raises(TypeError, match="cannot be listed"):
        list(tokens)


def test_nothing_was_erased_where_no_file_is(tmp_path: Path) -> None:
    assert load_tombstones(str(tmp_path)) is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "is damaged: .*Bring the file back"),
        ('{"format": 2, "salt": ""}', "format 2, and format 1"),
    ],
)
def test_file_that_cannot_be_obeyed_is_an_error(
    tmp_path: Path, text: str, told: str
) -> None:
    (tmp_path / TOMBSTONES_FILE).write_text(text)

    with pytest.raises(TombstonesError, match=told):
        load_tombstones(str(tmp_path))
