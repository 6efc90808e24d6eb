"""An id is found in every kind of file that a run folder may hold."""

import base64
import gzip
import io
import json
import sqlite3
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tensorflow as tf

from shardline.components.eraser.search import files_with, holds_any

ID = b"ann-2020"
Write = Callable[[Path, str], None]


def example(text: str) -> bytes:
    feature = tf.train.Feature(bytes_list=tf.train.BytesList(value=[text.encode()]))
    features = tf.train.Features(feature={"user_id": feature})
    return tf.train.Example(features=features).SerializeToString()


def records(compression: str) -> Write:
    def write(path: Path, text: str) -> None:
        with tf.io.TFRecordWriter(str(path), compression) as writer:
            for one in ("before", text, "after"):
                writer.write(example(one))

    return write


def write_parquet(path: Path, text: str) -> None:
    lists = pa.array([["x"], [text, "y"]])
    words = pa.array(["a", "b"]).dictionary_encode()
    pq.write_table(pa.table({"n": [1, 2], "words": words, "lists": lists}), path)


def write_arrow(path: Path, text: str) -> None:
    table = pa.table({"token": pa.array([text.encode()], pa.large_binary())})
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with pa.ipc.new_stream(str(path), table.schema, options=options) as writer:
        writer.write_table(table)


def write_npz(path: Path, text: str) -> None:
    with path.open("wb") as file:
        np.savez_compressed(file, numbers=np.zeros(3), words=np.array([text], "S"))


def write_zip_in_zip(path: Path, text: str) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", f"user_id\n{text}\n")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inner.zip", inner.getvalue())


def write_sqlite(path: Path, text: str) -> None:
    with sqlite3.connect(path) as database:
        database.execute("create table t (n integer, told text)")
        database.execute("insert into t values (1, ?)", [f"column holds {text}"])
    database.close()


def write_struct(path: Path, text: str) -> None:
    encoded = base64.b64encode(b"\n\x08" + text.encode()).decode()
    write_sqlite(path, f"mlmd-struct::{encoded}")


def write_events(path: Path, text: str) -> None:
    folder = path.with_name("events")
    with tf.summary.create_file_writer(str(folder)).as_default():
        tf.summary.text("told", f"of {text}", 0)
    (file,) = folder.iterdir()
    file.replace(path)
    folder.rmdir()


KINDS: dict[str, Write] = {
    "text": lambda path, text: path.write_text(f"a\n{text}\n") and None,
    "json": lambda path, text: path.write_text(json.dumps([text])) and None,
    "gzip": lambda path, text: path.write_bytes(gzip.compress(text.encode())) and None,
    "tfrecord": records(""),
    "tfrecord of gzip": records("GZIP"),
    "parquet": write_parquet,
    "arrow": write_arrow,
    "npz": write_npz,
    "zip in a zip": write_zip_in_zip,
    "sqlite": write_sqlite,
    "struct in sqlite": write_struct,
    "events": write_events,
}


@pytest.mark.parametrize("kind", KINDS)
def test_id_is_found_and_another_one_is_not(kind: str, tmp_path: Path) -> None:
    for name, text in (("with", ID.decode()), ("without", "ann-2021")):
        (tmp_path / "below").mkdir(exist_ok=True)
        KINDS[kind](tmp_path / "below" / name, text)

    found = files_with(tmp_path, {ID})

    assert [one.partition(":")[0] for one in found] == ["below/with"]
    assert holds_any(tmp_path / "below" / "with", {ID})
    assert not holds_any(tmp_path / "below" / "without", {ID})


def test_place_in_a_file_is_told(tmp_path: Path) -> None:
    write_parquet(tmp_path / "a", ID.decode())
    write_zip_in_zip(tmp_path / "b", ID.decode())
    write_sqlite(tmp_path / "c", ID.decode())
    (tmp_path / ID.decode()).touch()

    assert files_with(tmp_path, {ID}) == [
        "a: column lists",
        "ann-2020: in its name",
        "b: inner.zip: a.csv",
        "c: table t",
    ]


def test_id_across_two_blocks_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shardline.components.eraser.search._BLOCK_BYTES", 16)
    for place in range(40):
        (tmp_path / f"{place:02}").write_bytes(b"." * place + ID + b"." * 40)

    assert len(files_with(tmp_path, {ID})) == 40


@pytest.mark.parametrize("head", [b"\x1f\x8b", b"PK\x03\x04", b"PAR1", b"\xff" * 4])
def test_file_that_only_begins_like_another_kind_is_read_as_it_is(
    tmp_path: Path, head: bytes
) -> None:
    (tmp_path / "a").write_bytes(head + b" no such thing " + ID)

    assert files_with(tmp_path, {ID}) == ["a"]


def test_nothing_is_found_without_ids(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"ann")

    assert files_with(tmp_path, set()) == []
    assert not holds_any(tmp_path / "nowhere", {ID})
