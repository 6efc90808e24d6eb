"""Files as an ExampleReader, and through the component that runs readers."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from absl import logging
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.types import standard_artifacts

from components.example_gen.executor import Executor
from components.files import BadInputError
from components.files.beam_reader import FileReader
from components.files.rules import FILE_READER
from components.in_memory_beam import in_memory_pipeline

COLUMNS = {
    "user": {"dtype": "string"},
    "tags": {"dtype": "string", "ragged": True},
    "age": {"dtype": "int64", "optional": True},
    "label": {"dtype": "float"},
}
ROWS = [
    {"user": f"u{i}", "tags": ["x"] * (i % 3), "age": i, "label": i % 2, "at": i}
    for i in range(20)
]


def options(**files: Any) -> dict:
    told = {
        "format": "csv",
        "splits": {"train": "train-*.csv", "test": "test.csv"},
        "held_out": {"eval": {"column": "at", "at_least": 15}},
    }
    return {"files": told | files, "columns": COLUMNS, "label": "label"}


@pytest.fixture
def data(write: Callable[..., str], tmp_path: Path) -> str:
    write("data/train-1.csv", ROWS[:8])
    write("data/train-2.csv", ROWS[8:])
    write("data/test.csv", ROWS[15:])
    return str(tmp_path / "data")


def ages(records: list[bytes]) -> list[int]:
    found = []
    for record in records:
        features = tf.train.Example.FromString(record).features.feature
        (age,) = features["age"].int64_list.value
        assert features["user"].bytes_list.value == [f"u{age}".encode()]
        assert len(features["tags"].bytes_list.value) == age % 3
        assert features["label"].float_list.value == [age % 2]
        assert "at" not in features
        found.append(age)
    return sorted(found)


def run_component(path: str, folder: Path, **files: Any) -> dict[str, list[int]]:
    """Runs ReaderExampleGen's executor; the ages in each split."""
    artifact = standard_artifacts.Examples()
    artifact.uri = str(folder)
    properties = {
        "reader": FILE_READER,
        "options": json.dumps(options(**files)),
        "path": path,
    }
    context = BaseBeamExecutor.Context(make_beam_pipeline_fn=in_memory_pipeline)
    Executor(context).Do({}, {"examples": [artifact]}, properties)
    return {
        split: ages(
            [
                record
                for file in sorted(folder.glob(f"Split-{split}/*.gz"))
                for record in tf.data.TFRecordDataset(
                    str(file), compression_type="GZIP"
                ).as_numpy_iterator()
            ]
        )
        for split in json.loads(artifact.split_names)
    }


def test_component_writes_every_split(data: str, tmp_path: Path) -> None:
    assert run_component(data, tmp_path / "out") == {
        "train": list(range(15)),
        "test": list(range(15, 20)),
        "eval": list(range(15, 20)),
    }


def test_bad_example_fails_the_component(
    data: str, write: Callable[..., str], tmp_path: Path
) -> None:
    write("data/test.csv", [ROWS[0] | {"age": "old"}])
    with pytest.raises(BadInputError, match=r"test\.csv, line 2: column `age` does"):
        run_component(data, tmp_path / "out")


def test_what_is_left_out_is_logged(
    data: str,
    write: Callable[..., str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    warned: list[str] = []
    monkeypatch.setattr(logging, "warning", warned.append)
    write("data/test.csv", [ROWS[0] | {"age": "old"}, ROWS[1]])
    write("data/train-2.csv", b"")
    found = run_component(
        data,
        tmp_path / "out",
        on_bad_example="skip",
        held_out={"eval": {"column": "at", "at_least": 5}},
    )
    assert found == {"train": [0, 1, 2, 3, 4], "test": [1], "eval": [5, 6, 7]}
    assert warned[0] == ("1 example left out: column `age` does not hold one int64")
    assert "test.csv, line 2" in warned[1]
    assert warned[2] == "1 file bad, left out from the fault on"
    assert "train-2.csv: is empty" in warned[3]


def test_split_without_files_is_an_error(data: str) -> None:
    reader = FileReader(**options(splits={"train": "none-*"}))
    with (
        pytest.raises(BadInputError, match=r"no file matches `none-\*`; there is test"),
        in_memory_pipeline() as root,
    ):
        reader.examples(root, data)
