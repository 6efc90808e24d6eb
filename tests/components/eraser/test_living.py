"""A living vocabulary loses tokens, and stays whole."""

from pathlib import Path

import pyarrow as pa
import pytest
from shardline_tests import load

from shardline.components.contracts.living_state import STATE_SCHEMA, read_state
from shardline.components.contracts.living_vocabulary import (
    LivingVocabularies,
    TableChanges,
    free_line,
    load_vocabularies,
)
from shardline.components.eraser.living import erase_from_vocabularies, evicted_rows
from shardline.components.features.living.files import (
    check_table,
    write_state,
    write_tokens,
)

scope_of_users = load("components/eraser/scopes.py").scope_of_users


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Users: three live, one waiting, one free row; one was evicted."""
    state = pa.table(
        {
            "token": [b"ann", b"bob", b"cid", b"dan"],
            "row": [0, 1, 3, -1],
            "count": [4.0, 3.0, 2.0, 1.0],
            "last_seen": [1, 1, 1, 1],
        },
        STATE_SCHEMA,
    )
    digest = write_tokens(str(tmp_path), "user", state, 4)
    state_digest = write_state(str(tmp_path), "user", state)
    (tmp_path / "user.changes.csv").write_text(
        'change,row,token,count\nadmitted,3,cid,2\nevicted,2,"e,ve",1\n'
    )
    changes = TableChanges(
        capacity=4,
        live=3,
        admitted=1,
        evicted=1,
        kept=2,
        waiting=1,
        free=1,
        digest=digest,
        state_digest=state_digest,
    )
    LivingVocabularies(tables={"user": changes}, spans=("1",), updates=1).save(
        str(tmp_path)
    )
    return tmp_path


def test_tokens_leave_all_files_which_agree_afterwards(folder: Path) -> None:
    scope = scope_of_users(b"bob", b"cid", b"dan", b"e,ve")
    assert evicted_rows(folder, "user", scope) == [2]

    change = erase_from_vocabularies(folder, scope)

    assert (change.tokens, change.lines) == (3, 2)
    assert not erase_from_vocabularies(folder, scope)
    said = load_vocabularies(str(folder))
    table = said.tables["user"]
    assert said.erased == 3
    assert (table.live, table.free, table.waiting) == (1, 3, 0)
    check_table(str(folder), "user", table)
    lines = (folder / "user").read_text().splitlines()
    assert lines == ["ann", free_line(1), free_line(2), free_line(3)]
    assert read_state(str(folder), "user").column("token").to_pylist() == [b"ann"]
    assert (folder / "user.changes.csv").read_text() == "change,row,token,count\n"


def test_vocabularies_without_the_ids_do_not_change(folder: Path) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    assert not erase_from_vocabularies(folder, scope_of_users(b"eve"))

    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
