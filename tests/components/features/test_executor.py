"""FeatureTransform's executor on artifacts of Examples, as the pipeline gives them."""

import os
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
import tensorflow_transform as tft
from shardline_tests import load
from tfx.components.util import examples_utils
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils, standard_artifacts
from tfx.types.channel import Channel

from shardline.components.contracts.data_card import (
    DataCard,
    record_counts,
    recorded_count,
    save_data_card,
)
from shardline.components.execution.in_memory_beam import in_memory_pipeline
from shardline.components.features import job
from shardline.components.features.component import FeatureTransform
from shardline.components.features.executor import Executor, sources_of
from shardline.components.readers.files import BadInputError, LostRowsError
from shardline.configs.schema import Feature, FeatureSet, Number, Table, Target

example = load("components/readers/files/conftest.py").example
FEATURES = FeatureSet(
    features={
        "user": Feature(table="user"),
        "tags": Feature(table="tag", combiner="mean", weights="scores"),
    },
    numbers={"age": Number(dtype="int64", scale="min_max")},
    tables={"user": Table(dim=1), "tag": Table(dim=1)},
)
PREPROCESSING = FEATURES.preprocessing(Target())


def row(number: int) -> dict[str, Any]:
    return {
        "label": float(number % 2),
        "user": f"u{number % 3}",
        "tags": ["a", "b"][: number % 3],
        "scores": [0.5, float(number)][: number % 3],
        "age": number,
    }


def span(folder: Path, **splits: list[bytes]) -> standard_artifacts.Examples:
    """Writes an Examples artifact, as ExampleGen does."""
    artifact = standard_artifacts.Examples()
    artifact.uri = str(folder)
    artifact.splits = list(splits)
    for split, rows in splits.items():
        uri = Path(artifact_utils.get_split_uri([artifact], split))
        uri.mkdir(parents=True)
        for part, some in enumerate([rows[::2], rows[1::2]]):
            path = str(uri / f"data_tfrecord-{part}.gz")
            with tf.io.TFRecordWriter(path, "GZIP") as writer:
                for record in some:
                    writer.write(record)
    return artifact


class Made:
    """What the executor has made."""

    def __init__(self, folder: Path, spans: list[standard_artifacts.Examples]) -> None:
        graph = standard_artifacts.TransformGraph()
        graph.uri = str(folder / "graph")
        self.examples = standard_artifacts.Examples()
        self.examples.uri = str(folder / "examples")
        properties = {
            "preprocessing": PREPROCESSING.model_dump_json(),
            "cache_folder": str(folder.parent / "cache"),
            "code_version": "1",
        }
        context = BaseBeamExecutor.Context(
            tmp_dir=str(folder / "tmp"),
            unique_id="1",
            make_beam_pipeline_fn=in_memory_pipeline,
        )
        Executor(context).Do(
            {"examples": spans},
            {"transform_graph": [graph], "transformed_examples": [self.examples]},
            properties,
        )
        self.graph = tft.TFTransformOutput(graph.uri)

    def rows(self, split: str) -> dict[int, dict[str, Any]]:
        """Returns the transformed examples of a split, by their scaled age."""
        uri = artifact_utils.get_split_uri([self.examples], split)
        files = tf.io.gfile.glob(f"{uri}/*")
        records = list(tf.data.TFRecordDataset(files, "GZIP").as_numpy_iterator())
        parsed = tf.io.parse_example(records, self.graph.transformed_feature_spec())
        values = {
            name: v.to_list() if hasattr(v, "to_list") else v.numpy().tolist()
            for name, v in parsed.items()
        }
        rows = [{n: v[i] for n, v in values.items()} for i in range(len(records))]
        return {round(row["age"] * 19): row for row in rows}


def rows(*numbers: int) -> list[bytes]:
    return [example(row(number)) for number in numbers]


@pytest.fixture(scope="module")
def two_spans(
    tmp_path_factory: pytest.TempPathFactory,
) -> list[standard_artifacts.Examples]:
    """Two spans; split `eval` of the second has no example in one file."""
    folder = tmp_path_factory.mktemp("spans")
    return [
        span(folder / "1", train=rows(*range(12)), eval=rows(3, 4)),
        span(folder / "2", train=rows(*range(12, 20)), eval=rows(7)),
    ]


@pytest.fixture(scope="module")
def made(
    two_spans: list[standard_artifacts.Examples],
    tmp_path_factory: pytest.TempPathFactory,
) -> Made:
    return Made(tmp_path_factory.mktemp("made") / "first", two_spans)


def test_outputs_are_what_transform_gives(made: Made) -> None:
    assert made.graph.vocabulary_size_by_name("user") == 3
    assert set(made.graph.transformed_feature_spec()) == {
        *("label", "user", "tags", "tags.weights", "age")
    }
    assert set(made.graph.raw_feature_spec()) == set(row(0))
    assert sorted(made.examples.splits) == ["eval", "train"]
    payload = examples_utils.get_payload_format(made.examples)
    assert payload == example_gen_pb2.FORMAT_TF_EXAMPLE


def test_every_example_of_every_span_is_there_once(made: Made) -> None:
    train = made.rows("train")

    assert sorted(train) == list(range(20))
    assert sorted(made.rows("eval")) == [3, 4, 7]
    for number, found in made.rows("eval").items():
        assert found == train[number]


def test_ids_follow_the_training_examples_of_all_spans(made: Made) -> None:
    # u1 and u0 occur 7 times, u2 6 times; a 13 times, b 6 times.
    names = made.graph.vocabulary_by_name("user")
    assert names == [b"u1", b"u0", b"u2"]
    for number, found in made.rows("train").items():
        assert found["user"] == names.index(b"u%d" % (number % 3))
        assert found["tags"] == [0, 1][: number % 3]
        assert found["tags.weights"] == row(number)["scores"]
        assert found["label"] == number % 2


def test_later_run_counts_new_spans_only(
    made: Made,
    two_spans: list[standard_artifacts.Examples],
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = Path(made.graph.transform_savedmodel_dir).parents[1]
    new = span(tmp_path_factory.mktemp("span") / "3", train=rows(0), eval=rows(1))
    analyses = []
    monkeypatch.setattr(job, "analyze", _recorded(job.analyze, analyses))

    again = Made(folder.parent / "second", [*two_spans, new])

    (analysis,) = analyses
    assert sorted(analysis.reused) == sorted(artifact.uri for artifact in two_spans)
    assert analysis.statistics.examples == 21
    assert len(again.rows("eval")) == 4


def _recorded(function: Any, results: list[Any]) -> Any:
    def call(*arguments: Any, **named: Any) -> Any:
        results.append(function(*arguments, **named))
        return results[-1]

    return call


def test_bad_example_is_told_and_no_cache_is_made(tmp_path: Path) -> None:
    bad = example(row(2) | {"user": ["u1", "u2"]})
    spans = [span(tmp_path / "span", train=[*rows(1, 2), bad])]

    with pytest.raises(BadInputError, match="column `user` holds several values where"):
        Made(tmp_path / "made", spans)

    assert os.listdir(tmp_path / "cache") == []
    kept = [path for path in tmp_path.glob("made/*") if path.name != "tmp"]
    assert not [p for path in kept for p in path.rglob("*") if p.is_file()]


def test_counts_are_told_of_what_was_transformed(made: Made) -> None:
    assert recorded_count([made.examples], "train") == 20
    assert recorded_count([made.examples], "eval") == 3


def test_example_lost_between_components_is_told(tmp_path: Path) -> None:
    spans = [
        span(tmp_path / "1", train=rows(1, 2, 3)),
        span(tmp_path / "2", train=rows(4, 5)),
    ]
    for artifact, count in zip(spans, (3, 3), strict=True):
        record_counts(artifact, {"train": count})
    with pytest.raises(LostRowsError, match=r"6 examples were made .*, and 5"):
        Made(tmp_path / "made", spans)


def test_column_that_a_reader_never_gives_is_refused(tmp_path: Path) -> None:
    given = [row(n) for n in (1, 2, 3)]
    renamed = [{n.replace("tags", "tagz"): v for n, v in one.items()} for one in given]
    missing = [{n: v for n, v in one.items() if n != "scores"} for one in renamed]
    spans = [span(tmp_path / "1", train=[example(one) for one in missing])]
    with pytest.raises(BadInputError, match=r"Column `tags` .* mean `tagz`\?") as error:
        Made(tmp_path / "made", spans)
    assert "Column `scores` is in none of the 3 examples" in str(error.value)


def test_examples_of_files_need_no_second_look(tmp_path: Path) -> None:
    given = [{n: v for n, v in row(i).items() if n not in ("tags", "scores")}
             for i in (1, 2, 3)]  # fmt: skip
    spans = [span(tmp_path / "1", train=[example(one) for one in given])]
    save_data_card(spans[0], DataCard(examples={"train": 3}, rows=3))
    assert sorted(Made(tmp_path / "made", spans).graph.vocabulary_by_name("tag"))


def test_each_artifact_is_a_span(
    two_spans: list[standard_artifacts.Examples],
) -> None:
    sources = sources_of(two_spans)

    assert {(source.split, source.span) for source in sources} == {
        (split, artifact.uri) for split in ("train", "eval") for artifact in two_spans
    }
    assert all(len(source.files) == 2 for source in sources)


def test_component_names_what_it_takes_and_gives() -> None:
    component = FeatureTransform(
        examples=Channel(type=standard_artifacts.Examples),
        preprocessing=PREPROCESSING,
        cache_folder="cache",
    )

    assert set(component.inputs) == {"examples"}
    assert set(component.outputs) == {"transform_graph", "transformed_examples"}
    assert (
        component.outputs["transform_graph"].type is standard_artifacts.TransformGraph
    )
