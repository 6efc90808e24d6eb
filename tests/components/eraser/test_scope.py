"""What is to be erased, from a configuration, a feature and a file of ids."""

from pathlib import Path

import pytest
from shardline_tests import load

from shardline.components.eraser.scope import (
    EraseError,
    Scope,
    is_distinctive,
    scope_of,
)
from shardline.configs import load_run

scope_of_users = load("components/eraser/scopes.py").scope_of_users
FEATURES = """
name: shop
data: {path: there, files: {format: csv, splits: {train: a.csv, eval: b.csv}}}
features:
  user_id: {table: user}
  movie_id: {table: movie}
  history: {table: movie, combiner: mean, weights: seconds}
  number: {table: number, dtype: int64}
  slot: {table: slot, ids: {range: 10}}
  bucket: {table: bucket, column: shop, ids: {hash_buckets: 8}}
  price: {table: price, ids: {quantile_buckets: 4}}
  pair: {table: pair, cross: [user_id, movie_id]}
  fallback: {table: fallback, default: nobody}
tables:
  user: {dim: 2}
  movie: {dim: 2}
  number: {dim: 2}
  slot: {dim: 2}
  bucket: {dim: 2}
  price: {dim: 2}
  pair: {dim: 2}
  fallback: {dim: 2}
training: {batch_size: 4, steps: 1}
evaluation: {min_auc: 0}
"""


def scope(
    folder: Path,
    feature: str,
    ids: str | bytes = "ann-17\n",
    features: str = FEATURES,
) -> Scope:
    config, file = folder / "shop.yaml", folder / "ids"
    config.write_text(features)
    file.write_bytes(ids.encode() if isinstance(ids, str) else ids)
    return scope_of(load_run(config), feature, file)


@pytest.mark.parametrize(
    ("feature", "names"),
    [
        ("user_id", {"user_id", "users", "uid"}),
        ("bucket", {"shop", "shop of them"}),
        ("movie_id", {"movie_id", "history"}),
    ],
)
def test_names_are_those_of_side_files_too(
    tmp_path: Path, feature: str, names: set[str]
) -> None:
    side = "files: u.csv, key: user_id, file_key: uid, columns: {shop: shop of them}"
    files = f"eval: b.csv}}, join: {{users: {{{side}}}}}"
    features = FEATURES.replace("eval: b.csv}", files)

    assert scope(tmp_path, feature, features=features).names == names


def test_all_columns_of_the_table_and_crosses_are_concerned(tmp_path: Path) -> None:
    found = scope(tmp_path, "movie_id", "m-1\r\n\nm-2\n")

    assert found.tokens == {b"m-1", b"m-2"}
    assert set(found.columns) == {"movie_id", "history"}
    assert found.columns["history"].weights == ("seconds",)
    assert found.crosses == {"pair": {1}}
    assert found.tables == ("movie", "pair")
    assert "user" in found.others


def test_numbers_are_ids_in_any_spelling(tmp_path: Path) -> None:
    assert scope(tmp_path, "number", "007\n-3\n").tokens == {b"7", b"-3"}


def test_ids_of_a_range_are_rows(tmp_path: Path) -> None:
    assert scope(tmp_path, "slot", "7\n3\n").rows == {"slot": [3, 7]}
    assert scope(tmp_path, "user_id").rows == {}
    assert scope(tmp_path, "bucket").kind == "hash"


@pytest.mark.parametrize(
    ("feature", "ids", "told"),
    [
        ("nobody", "a\n", "no feature `nobody`; there are bucket, fallback,"),
        ("pair", "a\n", "`pair` is a cross. Name a feature that reads one of its"),
        ("price", "1\n", "`price` holds numbers in intervals: `quantile_buckets: 4`"),
        ("user_id", "\n\r\n", "ids is empty; expected one id a line"),
        ("number", "1\nx\n2\n", "line 2 is no id .* which has whole numbers"),
        ("slot", "9\n10\n", "line 2 is no id .* which has ids from 0 to 9"),
        ("fallback", "nobody\n", "an id in .* is its `default`"),
    ],
)
def test_what_cannot_be_erased_is_an_error(
    tmp_path: Path, feature: str, ids: str, told: str
) -> None:
    with pytest.raises(EraseError, match=told):
        scope(tmp_path, feature, ids)


def test_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    config = tmp_path / "shop.yaml"
    config.write_text(FEATURES)

    with pytest.raises(EraseError, match="nowhere cannot be read: No such file"):
        scope_of(load_run(config), "user_id", tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("token", "is_so"),
    [
        (b"17", False),
        (b"Drama", False),
        (b"Children's", False),
        (b"2026-11-30", False),
        (b"u-1", False),
        (b"u-10447", True),
        (b"ann@example.org", True),
        (b"123456789", True),
        ("zoë-2020".encode(), True),
        (b"a" * 20, True),
        (b"a long title with blanks", False),
    ],
)
def test_distinctive_ids_are_told_from_words_and_numbers(
    token: bytes, is_so: bool
) -> None:
    assert is_distinctive(token) is is_so


@pytest.mark.parametrize(
    ("vocabulary", "token", "is_so"),
    [
        ("user", b"ann-17", True),
        ("user", b"ann-171", False),
        ("pair", b"ann-17_X_m1", True),
        ("pair", b"m1_X_ann-17", False),
        ("pair", b"a_X_b_X_m1", True),
        ("pair", b"b_X_m1", False),
        ("movie", b"ann-17", False),
        ("own_vocabulary", b"ann-17", True),
        ("own_vocabulary", b"a_X_b", False),
    ],
)
def test_tokens_of_vocabularies_are_known(
    vocabulary: str, token: bytes, is_so: bool
) -> None:
    assert scope_of_users(b"ann-17", b"a_X_b").is_erased(vocabulary, token) is is_so
