"""A span of the store loses ids, and is whole and well described afterwards."""

from pathlib import Path

import pytest
import tensorflow as tf
from shardline_tests import load

from shardline.components.contracts.data_card import DataCard
from shardline.components.contracts.erasures.examples import ColumnErasure, Erasure
from shardline.components.eraser.example_files import records_of
from shardline.components.eraser.span_store import erase_from_span
from shardline.components.eraser.text import Blackening
from shardline.components.span_examples.examination import Asked, profile_of
from shardline.components.span_examples.store import (
    StoredPart,
    StoredSpan,
    damage_of,
    load_stored,
    record_whole,
)

scope_of_users = load("components/eraser/scopes.py").scope_of_users
ERASURE = Erasure(
    {
        "user_id": ColumnErasure(frozenset([b"ann-2020"]), ragged=False),
        "history": ColumnErasure(frozenset([b"m1"]), ragged=True),
    }
)
ASKED = Asked("label")


def example(user: bytes, label: float, *history: bytes) -> bytes:
    columns = {
        "user_id": tf.train.Feature(bytes_list=tf.train.BytesList(value=[user])),
        "history": tf.train.Feature(bytes_list=tf.train.BytesList(value=history)),
        "label": tf.train.Feature(float_list=tf.train.FloatList(value=[label])),
    }
    made = tf.train.Example(features=tf.train.Features(feature=columns))
    return made.SerializeToString(deterministic=True)


EXAMPLES = {
    "head-0.gz": [example(b"ann-2020", 1.0, b"m2"), example(b"bob", 1.0, b"m1", b"m2")],
    "tail-0.gz": [example(b"cid", 0.0, b"m2"), example(b"ann-2020", 0.0)],
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, records in EXAMPLES.items():
        with tf.io.TFRecordWriter(str(tmp_path / name), "GZIP") as writer:
            for record in records:
                writer.write(record)
    card = DataCard(
        examples={"2026-11-30": 4},
        rows=5,
        left_out=1,
        reasons={"bad": 1},
        lines=["line 3: `user_id` holds ann-2020"],
    )
    stored = StoredSpan(
        span="2026-11-30",
        version=1,
        parts={
            "head": StoredPart(files=("head-0.gz",), examples=2),
            "tail": StoredPart(files=("tail-0.gz",), examples=2),
        },
        profile=profile_of("2026-11-30", list(EXAMPLES.values()), ASKED),
        data_card=card,
    )
    record_whole(stored, str(tmp_path))
    return tmp_path


def test_examples_profile_and_sums_agree(folder: Path) -> None:
    before = load_stored(str(folder))
    blackening = Blackening(scope_of_users(b"ann-2020"))

    change = erase_from_span(folder, ERASURE, ASKED, blackening)

    assert (change.examples, change.values, change.lines) == (2, 1, 1)
    assert damage_of(str(folder)) == ""
    after = load_stored(str(folder))
    assert {name: part.examples for name, part in after.parts.items()} == {
        "head": 1,
        "tail": 1,
    }
    left = [record for name in EXAMPLES for record in records_of(folder / name)]
    assert left == [example(b"bob", 1.0, b"m2"), EXAMPLES["tail-0.gz"][0]]
    assert after.profile == profile_of("2026-11-30", [left], ASKED)
    assert after.profile.content != before.profile.content
    card = after.data_card
    assert (card.examples, card.rows, card.left_out, card.erased) == (
        {"2026-11-30": 2},
        5,
        3,
        2,
    )
    assert card.lines == ["line 3: `user_id` holds [erased]"]
    assert not erase_from_span(folder, ERASURE, ASKED, blackening)


def test_span_without_the_ids_keeps_its_bytes(folder: Path) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    nobody = Erasure({"user_id": ColumnErasure(frozenset([b"eve"]), ragged=False)})

    assert not erase_from_span(
        folder, nobody, ASKED, Blackening(scope_of_users(b"eve"))
    )

    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
