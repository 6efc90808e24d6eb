"""Vocabularies are read as TensorFlow reads them, and compared token by token."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from shardline.components.contracts.living_vocabulary import free_line
from shardline.components.trainer.tokens import Tokens, read_tokens


@pytest.mark.parametrize(
    "lines",
    [[], [b"a"], [b"a", b"", b"\xff\0x"], [b"a b", "né".encode(), b'"q,']],
    ids=str,
)
@pytest.mark.parametrize("has_last_break", [True, False])
def test_lines_are_tokens(
    tmp_path: Path, lines: list[bytes], has_last_break: bool
) -> None:
    path = tmp_path / "vocabulary"
    ending = b"\n" if has_last_break or (lines and not lines[-1]) else b""
    content = b"\n".join(lines) + ending if lines else b""
    path.write_bytes(content)

    tokens = read_tokens(str(path))

    assert len(tokens) == len(lines)
    assert tokens.at(np.arange(len(lines))).to_pylist() == lines
    assert tokens.digest == hashlib.sha256(content).hexdigest()


def test_a_file_that_is_gone_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(tf.errors.NotFoundError):
        read_tokens(str(tmp_path / "gone"))


def test_free_rows_are_no_tokens() -> None:
    lines = ["a", free_line(1), "49d0cd50-04bb-48c0-bc6f-5b575dce351a", "b"]
    tokens = Tokens("\n".join(lines).encode())
    assert tokens.is_free.tolist() == [False, True, True, False]
    assert tokens.places_in(tokens).tolist() == [0, -1, -1, 3]


def test_tokens_are_found_wherever_they_are() -> None:
    mine = Tokens("\n".join(["a", "x", "c", free_line(3), "b"]).encode())
    other = Tokens("\n".join(["a", "b", free_line(2), free_line(3), "y", "c"]).encode())
    assert mine.places_in(other).tolist() == [0, -1, 5, -1, 1]
    assert other.places_in(mine).tolist() == [0, 4, -1, -1, -1, 2]
