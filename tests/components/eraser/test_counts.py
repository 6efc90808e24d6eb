"""Counts of tokens with an id are found, those without one are not."""

from pathlib import Path

import pyarrow as pa
import pytest
from shardline_tests import load

from shardline.components.eraser.counts import counts_with_ids
from shardline.components.features.analysis.counts import to_bytes

scope_of_users = load("components/eraser/scopes.py").scope_of_users


def write(folder: Path, name: str, *tokens: bytes) -> None:
    folder.mkdir(exist_ok=True)
    counts = pa.table({"token": list(tokens), "count": [1] * len(tokens)})
    kinds = pa.schema([("token", pa.large_binary()), ("count", pa.int64())])
    (folder / name).write_bytes(to_bytes(counts.cast(kinds)))


@pytest.mark.parametrize(
    ("name", "token", "is_found"),
    [
        ("user-3", b"ann", True),
        ("user-3", b"bob", False),
        ("movie-3", b"ann", False),
        ("pair-0", b"ann_X_m1", True),
        ("pair-0", b"bob_X_m1", False),
    ],
)
def test_counts_of_the_tables_are_looked_at(
    tmp_path: Path, name: str, token: bytes, is_found: bool
) -> None:
    write(tmp_path / "counts-0", name, b"x", token)
    (tmp_path / "counts-0" / "summary.json").write_text("[]")

    found = list(counts_with_ids(tmp_path, scope_of_users(b"ann")))

    assert found == [tmp_path / "counts-0"] * is_found


def test_damaged_counts_are_left_to_who_needs_them(tmp_path: Path) -> None:
    write(tmp_path / "counts-0", "user-0", b"bob")
    (tmp_path / "counts-0" / "user-1").write_bytes(b"no counts")

    assert list(counts_with_ids(tmp_path, scope_of_users(b"ann"))) == []
