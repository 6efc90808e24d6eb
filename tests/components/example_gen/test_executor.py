"""ReaderExampleGen's executor with a reader of its own."""

import json
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
import tensorflow as tf
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.types import standard_artifacts

from components.example_gen import executor
from components.files.rules import FILE_READER
from components.in_memory_beam import in_memory_pipeline


def example(value: int) -> tf.train.Example:
    feature = tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))
    return tf.train.Example(features=tf.train.Features(feature={"n": feature}))


def run(folder: Path, monkeypatch: pytest.MonkeyPatch, **splits: list) -> Any:
    """Runs the executor with a reader that gives these examples."""

    class Reader:
        def examples(self, root: beam.Pipeline, path: str) -> dict[str, Any]:
            assert path == "there"
            return {
                name: root | f"Give[{name}]" >> beam.Create(examples)
                for name, examples in splits.items()
            }

    monkeypatch.setattr(executor, "construct", lambda *_: Reader())
    artifact = standard_artifacts.Examples()
    artifact.uri = str(folder)
    properties = {"reader": "a.Reader", "options": "{}", "path": "there"}
    context = BaseBeamExecutor.Context(make_beam_pipeline_fn=in_memory_pipeline)
    executor.Executor(context).Do({}, {"examples": [artifact]}, properties)
    return artifact


def test_examples_are_written_serialized_or_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mixed = [example(1), example(2).SerializeToString()]
    artifact = run(tmp_path, monkeypatch, train=mixed, eval=[example(3)])
    assert json.loads(artifact.split_names) == ["train", "eval"]
    found = {}
    for split in ("train", "eval"):
        files = [str(f) for f in tmp_path.glob(f"Split-{split}/data_tfrecord*.gz")]
        records = tf.data.TFRecordDataset(files, compression_type="GZIP")
        found[split] = sorted(records.as_numpy_iterator())
    assert found == {
        "train": [example(n).SerializeToString() for n in (1, 2)],
        "eval": [example(3).SerializeToString()],
    }


def test_empty_split_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValueError, match="Split 'eval' is empty: the reader gave it"):
        run(tmp_path, monkeypatch, train=[example(1)], eval=[])


@pytest.mark.parametrize(
    ("at_least", "told"),
    [
        (0, "Split 'train' is empty: .* column `at` goes from 5 to 6 there, and"),
        (7, "Split 'eval' is empty: .* goes from 5 to 6 there, and `at_least` is 7"),
    ],
)
def test_reader_of_files_tells_why_a_split_is_empty(
    tmp_path: Path, at_least: int, told: str
) -> None:
    (tmp_path / "a.csv").write_text("n,at\n1,5\n2,6\n")
    rule = {"column": "at", "at_least": at_least}
    files = {"format": "csv", "splits": {"train": "*"}, "held_out": {"eval": rule}}
    options = {"files": files, "columns": {"n": {"dtype": "int64"}}}
    artifact = standard_artifacts.Examples()
    artifact.uri = str(tmp_path / "out")
    properties = {
        "reader": FILE_READER,
        "options": json.dumps(options),
        "path": str(tmp_path),
    }

    with pytest.raises(ValueError, match=told):
        executor.Executor().Do({}, {"examples": [artifact]}, properties)
