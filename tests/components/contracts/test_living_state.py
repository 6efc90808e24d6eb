"""The tokens of a living vocabulary on disk."""

from pathlib import Path

import pyarrow as pa
import pytest

from shardline.components.contracts.living_state import (
    STATE_SCHEMA,
    VocabularyError,
    read_state,
    state_bytes,
    state_file,
)

STATE = pa.table(
    {
        "token": [b"a", b"\xff\x00"],
        "row": [3, -1],
        "count": [2.5, 1.0],
        "last_seen": [7, 6],
    },
    STATE_SCHEMA,
)


def test_state_is_read_as_it_was_written(tmp_path: Path) -> None:
    (tmp_path / state_file("user")).write_bytes(state_bytes(STATE))

    assert read_state(str(tmp_path), "user").equals(STATE)
    assert state_bytes(STATE) == state_bytes(STATE.take([0, 1]))


def test_state_without_tokens_is_read(tmp_path: Path) -> None:
    (tmp_path / state_file("user")).write_bytes(state_bytes(STATE.slice(0, 0)))

    assert read_state(str(tmp_path), "user").num_rows == 0


@pytest.mark.parametrize("content", [b"", b"PAR1", state_bytes(STATE)[:-9]])
def test_damage_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / state_file("user")).write_bytes(content)

    with pytest.raises(VocabularyError, match="parquet is damaged: "):
        read_state(str(tmp_path), "user")


def test_file_of_other_columns_is_told(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    pq.write_table(STATE.drop_columns(["row"]), tmp_path / state_file("user"))

    with pytest.raises(VocabularyError, match="is damaged"):
        read_state(str(tmp_path), "user")


def test_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_state(str(tmp_path), "user")
