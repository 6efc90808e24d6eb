"""A component that reads raw data leaves out what was erased, in Beam."""

from pathlib import Path

import apache_beam as beam
import tensorflow as tf
from apache_beam.testing.util import assert_that, equal_to

from shardline.components.contracts.erasures.reading import left_over, read_erasure
from shardline.components.contracts.erasures.tombstones import Tombstones
from shardline.components.execution.in_memory_beam import in_memory_pipeline
from shardline.configs.features import Features

FEATURES = Features.model_validate(
    {
        "features": {
            "user_id": {"table": "user"},
            "history": {"table": "movie", "combiner": "sum"},
        }
    }
)


def example(user: bytes, *history: bytes) -> bytes:
    columns = {"user_id": [user], "history": list(history)}
    return tf.train.Example(
        features=tf.train.Features(
            feature={
                name: tf.train.Feature(bytes_list=tf.train.BytesList(value=values))
                for name, values in columns.items()
            }
        )
    ).SerializeToString(deterministic=True)


def test_nothing_is_left_out_before_anything_was_erased(tmp_path: Path) -> None:
    assert read_erasure(FEATURES, str(tmp_path), "label").now("") is None


def test_kept_and_dropped_examples_are_all_there_were(tmp_path: Path) -> None:
    tombstones = Tombstones().with_tokens("user", ["user_id"], [b"ann"], [])
    tombstones.with_tokens("movie", ["history"], [b"m1"], []).save(str(tmp_path))
    erasure = read_erasure(FEATURES, str(tmp_path), "label").now("")
    assert erasure is not None

    with in_memory_pipeline() as root:
        given = root | beam.Create(
            [example(b"ann"), example(b"bob", b"m1", b"m2"), example(b"cid", b"m2")]
        )
        left = left_over(given, erasure, "train")
        kept = [example(b"bob", b"m2"), example(b"cid", b"m2")]
        assert_that(left.kept, equal_to(kept), label="kept")
        assert_that(left.dropped, equal_to([1]), label="dropped")
        assert_that(left.values, equal_to([1]), label="values")


def test_run_folder_that_was_moved_finds_what_was_erased(tmp_path: Path) -> None:
    parameter = read_erasure(FEATURES, "", "label")
    output = tmp_path / "artifacts" / "ReaderExampleGen" / "examples" / "1"
    assert parameter.now(str(output)) is None

    tombstones = Tombstones().with_tokens("user", ["user_id"], [b"ann"], [])
    tombstones.save(str(tmp_path / "serving"))

    assert parameter.now(str(output)) is not None
