"""The files of a table: lines for TensorFlow, counts, changes that people read."""

import csv
import hashlib
from pathlib import Path

import pyarrow as pa
import pytest
import tensorflow as tf
from shardline_tests import load

from shardline.components.contracts.living_state import (
    NO_ROW,
    STATE_SCHEMA,
    VocabularyError,
    read_state,
)
from shardline.components.contracts.living_vocabulary import free_line
from shardline.components.features.ids.tensor_ids import vocabulary_lines
from shardline.components.features.living import files as files_module
from shardline.components.features.living.files import (
    check_table,
    lines_of,
    write_table,
    write_tokens,
)
from shardline.components.features.living.update import Before, Update, updated
from shardline.configs.schema import Living, Vocabulary

counts_of = load(Path(__file__).with_name("test_update.py")).counts_of
RULES = Vocabulary(min_count=2, living=Living(capacity=6))
# Tokens of every byte that a line can hold.
ODD = [bytes([n]) for n in range(256) if n not in b"\r\n"]


def update_of(tokens: dict[bytes, int], rules: Vocabulary = RULES) -> Update:
    return updated(Before(), {1: counts_of(tokens)}, rules, 1)


def state_of(rows: dict[bytes, int]) -> pa.Table:
    columns = [list(rows), list(rows.values()), [1.0] * len(rows), [1] * len(rows)]
    return pa.table(dict(zip(STATE_SCHEMA.names, columns, strict=True)), STATE_SCHEMA)


def test_line_of_each_row_is_its_token_or_none(tmp_path: Path) -> None:
    state = state_of({b"c": 3, b"a": 1, b"waits": NO_ROW})

    digest = write_tokens(str(tmp_path), "user", state, 5)

    lines = [free_line(0), "a", free_line(2), "c", free_line(4)]
    content = (tmp_path / "user").read_bytes()
    assert content.decode() == "\n".join(lines) + "\n"
    assert digest == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("at_once", [1, 2, 1 << 20])
def test_blocks_of_lines_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(files_module, "_LINES_AT_ONCE", at_once)
    write_tokens(str(tmp_path), "user", state_of({b"b": 0, b"a": 2}), 3)

    assert (tmp_path / "user").read_text() == f"b\n{free_line(1)}\na\n"


def test_tensorflow_finds_every_token_in_its_row(tmp_path: Path) -> None:
    state = state_of({token: 2 * row for row, token in enumerate(ODD)})
    write_tokens(str(tmp_path), "user", state, 600)

    table = vocabulary_lines(str(tmp_path / "user"), 600)

    found = table.lookup(tf.constant([*ODD, b"other"])).numpy().tolist()
    assert found == [*range(0, 2 * len(ODD), 2), 600]


def test_equal_lines_are_told(tmp_path: Path) -> None:
    with pytest.raises(VocabularyError, match="1 of the 2 lines"):
        write_tokens(str(tmp_path), "user", state_of({free_line(1).encode(): 0}), 2)


def test_vocabulary_without_tokens_has_free_lines_alone() -> None:
    assert lines_of(state_of({}), 2).to_pylist() == [
        free_line(row).encode() for row in range(2)
    ]


def test_what_was_written_is_told_and_read_again(tmp_path: Path) -> None:
    update = update_of({b"a": 5, b"b": 3, b"c": 1})

    changes = write_table(str(tmp_path), "user", Before(), update, ["user_id"])

    assert read_state(str(tmp_path), "user").equals(update.state.combine_chunks())
    told = changes.model_dump(exclude={"digest", "state_digest"})
    assert told == {
        "capacity": 6, "capacity_before": None, "live": 2, "admitted": 2,
        "evicted": 0, "kept": 0, "moved": 0, "waiting": 1, "free": 4,
        "columns": ("user_id",),
    }  # fmt: skip
    assert str(changes) == "2 tokens in 6 rows: 0 kept, 2 admitted, 0 evicted"
    check_table(str(tmp_path), "user", changes)


def test_changes_are_readable(tmp_path: Path) -> None:
    rules = Vocabulary(living=Living(capacity=3, evict_after=1))
    before = Before(update_of({b"gone": 2, b"b": 1}, rules).state, 3, 1)
    tokens = {b"b": 1, b'q"u,ote': 5, "é".encode(): 4}
    update = updated(before, {2: counts_of(tokens)}, rules, 2)

    write_table(str(tmp_path), "user", before, update, [])

    with (tmp_path / "user.changes.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows == [
        ["change", "row", "token", "count"],
        ["admitted", "0", 'q"u,ote', "5"],
        ["admitted", "2", "é", "4"],
        ["evicted", "0", "gone", "2"],
    ]


def test_bytes_that_are_no_text_are_escaped_in_changes(tmp_path: Path) -> None:
    update = update_of({b"\xff\x00x": 2, b"a": 2})

    write_table(str(tmp_path), "user", Before(), update, [])

    text = (tmp_path / "user.changes.csv").read_bytes().decode()
    assert '"admitted",0,"\\xff\x00x",2' in text


@pytest.mark.parametrize("name", ["user", "user.tokens.parquet"])
@pytest.mark.parametrize("damage", ["gone", "cut", "changed"])
def test_damaged_file_is_told(tmp_path: Path, name: str, damage: str) -> None:
    update = update_of({b"a": 5, b"b": 3})
    changes = write_table(str(tmp_path), "user", Before(), update, [])
    path = tmp_path / name
    content = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(content[:-1] if damage == "cut" else b"b" + content[1:])

    with pytest.raises(VocabularyError, match=f"{name} is (gone|damaged)"):
        check_table(str(tmp_path), "user", changes)


def test_other_number_of_lines_than_rows_is_told(tmp_path: Path) -> None:
    update = update_of({b"a": 5})
    changes = write_table(str(tmp_path), "user", Before(), update, [])
    wrong = changes.model_copy(update={"capacity": 7})

    with pytest.raises(VocabularyError, match="has 6 lines for 7 rows"):
        check_table(str(tmp_path), "user", wrong)
