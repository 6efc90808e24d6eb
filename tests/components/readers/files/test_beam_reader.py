"""Files as an ExampleReader, and through the component that runs readers."""

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.types import standard_artifacts

from shardline.components.contracts.data_card import load_data_card
from shardline.components.contracts.erasures.reading import ReadErasure
from shardline.components.example_gen.executor import Executor
from shardline.components.execution.in_memory_beam import in_memory_pipeline
from shardline.components.readers.files import BadInputError
from shardline.components.readers.files.beam_reader import FileReader
from shardline.components.readers.files.read_settings import FILE_READER

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
        "erasure": ReadErasure(
            serving_dir=str(folder / "serving"), columns={}, read=()
        ).model_dump_json(),
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


def test_what_is_left_out_is_told_and_kept(
    data: str,
    write: Callable[..., str],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "shardline.examples")
    write("data/test.csv", [ROWS[0] | {"age": "old"}, ROWS[1]])
    write("data/train-2.csv", b"")
    found = run_component(
        data,
        tmp_path / "out",
        on_bad_example="skip",
        max_bad_share=0.5,
        held_out={"eval": {"column": "at", "at_least": 5}},
    )
    assert found == {"train": [0, 1, 2, 3, 4], "test": [1], "eval": [5, 6, 7]}
    lines = [record.getMessage() for record in caplog.records]
    assert lines[0] == "5 train, 1 test, 3 eval examples"
    assert lines[1] == "1 example left out: column `age` does not hold one int64"
    assert "test.csv, line 2" in lines[2]
    assert lines[3] == "1 file without rows left out"
    assert "train-2.csv" in lines[4]
    data_card = load_data_card(str(tmp_path / "out"))
    assert data_card is not None
    assert data_card.lines == lines[1:]
    assert data_card.left_out_line == "1 of 10 examples (10.00%), 1 file without rows"
    assert data_card.counts.reasons == {"column `age` does not hold one int64": 1}
    assert data_card.counts.empty_files == ["train-2.csv"]


def test_more_left_out_than_may_be_fails_the_component(
    data: str, write: Callable[..., str], tmp_path: Path
) -> None:
    write("data/test.csv", [ROWS[0] | {"age": "old"}] * 2 + ROWS[1:2])
    with pytest.raises(BadInputError, match=r"2 of the 3 examples of split 'test'"):
        run_component(data, tmp_path / "out", on_bad_example="skip")


def test_bad_file_is_not_skipped_as_examples_are(
    data: str, write: Callable[..., str], tmp_path: Path
) -> None:
    write("data/train-2.csv", [{"usr": "u", "at": 1}])
    with pytest.raises(BadInputError, match=r"train-2\.csv: its header names 0 colu"):
        run_component(data, tmp_path / "out", on_bad_example="skip")
    held_out = {"eval": {"column": "at", "at_least": 5}}
    made = run_component(data, tmp_path / "out", on_bad_file="skip", held_out=held_out)
    assert made["train"] == [0, 1, 2, 3, 4]
    data_card = load_data_card(str(tmp_path / "out"))
    assert data_card is not None
    assert "its header names 0 columns `user`" in data_card.bad_files["train-2.csv"]
    assert data_card.left_out_line == "what 1 file held from a fault on"


def test_split_without_files_is_an_error(data: str) -> None:
    reader = FileReader(**options(splits={"train": "none-*"}))
    with (
        pytest.raises(BadInputError, match=r"no file matches `none-\*`; there is test"),
        in_memory_pipeline() as root,
    ):
        reader.examples(root, data)


def test_leftovers_of_writers_are_told_in_the_data_card(
    data: str, write: Callable[..., str], tmp_path: Path
) -> None:
    write("data/_SUCCESS", b"")
    write("data/_temporary/0/train-3.csv", b"no such column\n1\n")

    run_component(data, tmp_path / "out", splits={"train": "**/*"}, held_out={})

    card = load_data_card(str(tmp_path / "out"))
    assert card is not None
    assert card.examples == {"train": 25}
    assert card.lines == [
        f"2 files whose names begin with `_` or `.` left out, such as {data}/_SUCCESS"
    ]
