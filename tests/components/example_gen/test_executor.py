"""ReaderExampleGen's executor with a reader of its own."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
import tensorflow as tf
from shardline_tests import load
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.types import standard_artifacts

from shardline.components.contracts.data_card import (
    DataCard,
    is_of_files,
    load_data_card,
    recorded_count,
)
from shardline.components.contracts.erasures.columns import ErasableColumn
from shardline.components.contracts.erasures.reading import ReadErasure
from shardline.components.contracts.erasures.tombstones import Tombstones
from shardline.components.example_gen import executor
from shardline.components.execution.in_memory_beam import in_memory_pipeline
from shardline.components.readers.files import LostRowsError
from shardline.components.readers.files.beam_reader import FileReader
from shardline.components.readers.files.read_settings import FILE_READER
from shardline.components.remote.access import AccessError

LosingPipeline = load("components/losing.py").LosingPipeline
ERASURE = ReadErasure(serving_dir="", columns={}, read=())


def example(value: int) -> tf.train.Example:
    feature = tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))
    return tf.train.Example(features=tf.train.Features(feature={"n": feature}))


def run(folder: Path | str, monkeypatch: pytest.MonkeyPatch, **splits: list) -> Any:
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
    execute(artifact, {"reader": "a.Reader", "options": "{}", "path": "there"})
    return artifact


def execute(artifact: Any, properties: dict[str, str]) -> None:
    """Runs the executor as a pipeline does."""
    context = BaseBeamExecutor.Context(make_beam_pipeline_fn=in_memory_pipeline)
    executor.Executor(context).Do(
        {},
        {"examples": [artifact]},
        {"erasure": ERASURE.model_dump_json()} | properties,
    )


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


def test_files_have_so_many_examples_at_most(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executor, "_EXAMPLES_OF_A_FILE", 3)

    run(tmp_path, monkeypatch, train=[example(n) for n in range(7)], eval=[example(8)])

    files = sorted(str(file) for file in tmp_path.glob("Split-train/*.gz"))
    counts = [sum(1 for _ in tf.data.TFRecordDataset(file, "GZIP")) for file in files]
    assert sorted(counts) == [1, 3, 3]
    assert len(list(tmp_path.glob("Split-eval/*.gz"))) == 1


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
        execute(artifact, properties)


def test_counts_are_kept_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    artifact = run(tmp_path, monkeypatch, train=[example(n) for n in range(5)])
    assert artifact.get_int_custom_property("examples_train") == 5
    assert recorded_count([artifact], "train") == 5
    assert not is_of_files(artifact)
    data_card = load_data_card(str(tmp_path))
    assert data_card == DataCard(examples={"train": 5})
    assert data_card.left_out_line == "not told by the reader"


def loses(
    monkeypatch: pytest.MonkeyPatch, step: str, keeps: Callable[[Any], bool]
) -> None:
    """Makes the executor run on what loses elements of a step."""
    monkeypatch.setattr(
        executor.Executor,
        "_make_beam_pipeline",
        lambda _: LosingPipeline(step, keeps),
    )


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ("Tell[train]", "No worker told how many examples split 'train' has"),
        ("WriteReports", ""),
        ("All", "no worker told what it did"),
    ],
)
def test_lost_counts_fail_the_component(
    step: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loses(monkeypatch, step, lambda _: False)
    if not message:  # what is lost after all is written changes nothing
        assert run(tmp_path, monkeypatch, train=[example(1)], eval=[example(2)])
        return
    with pytest.raises(LostRowsError, match=message):
        run(tmp_path, monkeypatch, train=[example(1)], eval=[example(2)])


def read_files(folder: Path, write_rows: int = 10) -> Any:
    """Runs the executor on a file of numbers."""
    data = folder / "data"
    data.mkdir()
    numbers = "".join(f"{n}\n" for n in range(write_rows))
    (data / "train.csv").write_text(f"label\n{numbers}")
    options = {
        "files": {"format": "csv", "splits": {"train": "*.csv"}, "positive_from": 1},
        "columns": {"label": {"dtype": "float"}},
    }
    artifact = standard_artifacts.Examples()
    artifact.uri = str(folder / "out")
    properties = {
        "reader": FILE_READER,
        "options": json.dumps(options),
        "path": str(data),
    }
    execute(artifact, properties)
    return artifact


class LosingReader(FileReader):
    """Loses a row of split train between reading and writing."""

    def read(self, root: beam.Pipeline, path: str) -> Any:
        splits, told = super().read(root, path)
        lost = tf.train.Example.FromString
        splits["train"] = splits["train"] | "Lose" >> beam.Filter(
            lambda e: lost(e).features.feature["label"].float_list.value[0] != 3
        )
        return splits, told


def test_row_lost_behind_the_reader_fails_the_component(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        executor, "construct", lambda _, options: LosingReader(**options)
    )
    with pytest.raises(LostRowsError, match=r"10 examples were read .* 9 came out"):
        read_files(tmp_path)


def test_lost_unit_of_work_fails_the_component(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loses(monkeypatch, "Units", lambda _: False)
    with pytest.raises(LostRowsError, match=r"1 of 1 files were not read"):
        read_files(tmp_path)


def test_what_files_gave_is_in_the_properties(tmp_path: Path) -> None:
    artifact = read_files(tmp_path)
    assert artifact.get_int_custom_property("examples_train") == 10
    assert artifact.get_int_custom_property("left_out") == 0
    assert is_of_files(artifact)
    assert load_data_card(artifact.uri).left_out_line == "none of 10 examples"


def test_rows_of_an_erased_id_are_left_out_and_the_sums_agree(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("n,at\n1,5\n2,6\n1,7\n3,8\n")
    columns = {"n": {"dtype": "int64"}}
    files = {"format": "csv", "splits": {"train": "*.csv"}}
    artifact = standard_artifacts.Examples()
    artifact.uri = str(tmp_path / "out")
    Tombstones().with_tokens("user", ["n"], [b"1"], []).save(str(tmp_path))
    held = ErasableColumn(tables=("user",), ragged=False)
    erasure = ReadErasure(
        serving_dir=str(tmp_path), columns={"n": held}, read=("n", "at")
    )
    properties = {
        "reader": FILE_READER,
        "options": json.dumps({"files": files, "columns": columns}),
        "path": str(tmp_path),
        "erasure": erasure.model_dump_json(),
    }

    execute(artifact, properties)

    files_written = [str(file) for file in tmp_path.glob("out/Split-train/*.gz")]
    records = tf.data.TFRecordDataset(files_written, compression_type="GZIP")
    parsed = [tf.train.Example.FromString(one) for one in records.as_numpy_iterator()]
    numbers = [one.features.feature["n"].int64_list.value[0] for one in parsed]
    assert sorted(numbers) == [2, 3]
    card = load_data_card(artifact.uri)
    assert card is not None
    assert (card.rows, card.left_out, card.erased) == (4, 2, 2)
    assert card.examples == {"train": 2}
    assert card.left_out_line == "2 of 4 examples (50.00%)"
    assert recorded_count([artifact], "train") == 2


def test_erased_keys_without_a_row_are_not_named(tmp_path: Path) -> None:
    """The raw data may still hold them, and rows that are left out name them, too."""
    (tmp_path / "a.csv").write_text("user,n\n17,1\n18,2\n19,3\n17,\n")
    (tmp_path / "users.csv").write_text("id,age\n18,40\n")
    columns = {
        "user": {"dtype": "string"},
        "n": {"dtype": "int64"},
        "age": {"dtype": "int64", "optional": True},
    }
    join = {"users": {"files": "users.csv", "key": "user", "file_key": "id"}}
    join["users"]["columns"] = ["age"]
    files = {"format": "csv", "splits": {"train": "a.csv"}, "join": join}
    files |= {"on_bad_example": "skip", "max_bad_share": 0.5}
    artifact = standard_artifacts.Examples()
    artifact.uri = str(tmp_path / "out")
    Tombstones().with_tokens("user", ["user"], [b"17"], []).save(str(tmp_path))
    held = ErasableColumn(tables=("user",), ragged=False)
    erasure = ReadErasure(
        serving_dir=str(tmp_path), columns={"user": held}, read=("user", "n", "age")
    )

    execute(
        artifact,
        {
            "reader": FILE_READER,
            "options": json.dumps({"files": files, "columns": columns}),
            "path": str(tmp_path),
            "erasure": erasure.model_dump_json(),
        },
    )

    card = load_data_card(artifact.uri)
    assert card is not None
    assert card.without_row == {"users": 3}
    assert card.lines[-1].endswith("keys such as '[erased]', '19'")
    told = artifact.get_string_custom_property("left_out_told")
    assert "'19'" in told
    assert "17" not in told


@pytest.mark.orchestration
def test_examples_go_into_a_bucket(
    buckets: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = f"{buckets.new('work')}/ReaderExampleGen/examples/1"
    artifact = run(place, monkeypatch, train=[example(1)], eval=[example(2)])

    files = [tf.io.gfile.glob(f"{place}/Split-{split}/*") for split in artifact.splits]
    assert [len(of_split) for of_split in files] == [1, 1]
    records = tf.data.TFRecordDataset(files[0], compression_type="GZIP")
    assert list(records) == [example(1).SerializeToString()]
    assert load_data_card(place) == DataCard(examples={"train": 1, "eval": 1})
    assert sorted(tf.io.gfile.listdir(place)) == [
        "Split-eval/",
        "Split-train/",
        "reading.json",
    ]


@pytest.mark.orchestration
def test_bucket_for_models_that_cannot_be_written_is_told_before_data_are_read(
    buckets: Any,
) -> None:
    artifact = standard_artifacts.Examples()
    artifact.uri = f"{buckets.new('work')}/ReaderExampleGen/examples/1"
    buckets.new("models")
    buckets.refuse_writes("models")
    serving = ReadErasure(serving_dir="bucket://models/serving", columns={}, read=())

    with pytest.raises(AccessError, match="bucket://models/serving cannot be written"):
        execute(
            artifact,
            {
                "reader": "is.not.Read",
                "options": "{}",
                "path": "none",
                "erasure": serving.model_dump_json(),
            },
        )
