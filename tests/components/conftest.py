"""A handful of transformed examples, and what learns on them."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
import tensorflow_transform as tft
from tfx_bsl.coders import example_coder

from shardline.components.features.analysis.in_process import analyze_batches
from shardline.components.features.graph.loaded_graph import LoadedGraph
from shardline.components.features.graph.schema import example_schema
from shardline.components.features.graph.writer import write_transform_graph
from shardline.components.features.writing.example_files import TFRecordWriter
from shardline.components.readers.example_reader import Column
from shardline.components.trainer.learner import Learner, new_learner
from shardline.configs.schema import (
    SGD,
    Adagrad,
    Adam,
    Feature,
    FeatureSet,
    Model,
    Optimizer,
    Table,
    Target,
    Training,
)

COLUMNS = {
    "label": Column("float"),
    "user": Column("string"),
    "friend": Column("string"),
    "city": Column("string"),
    "movie": Column("string"),
    "history": Column("string", ragged=True),
    "tags": Column("string", ragged=True),
    "tag_scores": Column("float", ragged=True),
}
ROWS = [
    {
        "label": [1.0],
        "user": ["ada"],
        "friend": ["bea"],
        "city": ["Rome"],
        "movie": ["m1"],
        "history": ["m1", "m2", "m3"],
        "tags": ["fun", "old"],
        "tag_scores": [1.0, 2.0],
    },
    {
        "label": [0.0],
        "user": ["ada"],
        "friend": ["cid"],
        "city": ["Oslo"],
        "movie": ["m2"],
        "history": [],
        "tags": [],
        "tag_scores": [],
    },
    {
        "label": [1.0],
        "user": ["bea"],
        "friend": ["ada"],
        "city": ["Rome"],
        "movie": ["m9"],
        "history": ["m2"],
        "tags": ["old"],
        "tag_scores": [0.5],
    },
]
FEATURES = FeatureSet(
    features={
        "user": Feature(table="person"),
        "known": Feature(table="person", column="friend"),
        "city": Feature(table="city"),
        "movie": Feature(table="movie"),
        "history": Feature(table="movie", max_sequence_length=2),
        "tags": Feature(table="tag", combiner="mean", weights="tag_scores"),
    },
    tables={
        "person": Table(dim=4, oov_rows=2, optimizer=Optimizer(sgd=SGD())),
        "city": Table(dim=4, min_count=100, optimizer=Optimizer(sgd=SGD())),
        "movie": Table(
            dim=4, oov_rows=3, min_count=2, optimizer=Optimizer(adagrad=Adagrad())
        ),
        "tag": Table(dim=4, optimizer=Optimizer(adam=Adam())),
    },
)

MODEL = Model(options={"hidden_units": [8, 4]})


@dataclasses.dataclass(frozen=True)
class Transformed:
    """What the Transform component makes, of three rows.

    Attributes:
        features: the feature specification.
        rows: the raw rows.
        ids: the transformed rows, by output name.
        folder: the transform graph.
        file: the transformed examples, gzipped records.
    """

    features: FeatureSet
    rows: list[dict[str, list[Any]]]
    ids: dict[str, list[list[Any]]]
    folder: Path
    file: Path

    @property
    def output(self) -> tft.TFTransformOutput:
        """The transform graph, as TensorFlow Transform reads it."""
        return tft.TFTransformOutput(str(self.folder))


def _example(row: dict[str, list[Any]]) -> bytes:
    features = {}
    for name, values in row.items():
        if COLUMNS[name].dtype == "float":
            feature = tf.train.Feature(float_list=tf.train.FloatList(value=values))
        else:
            encoded = [value.encode() for value in values]
            feature = tf.train.Feature(bytes_list=tf.train.BytesList(value=encoded))
        features[name] = feature
    return tf.train.Example(
        features=tf.train.Features(feature=features)
    ).SerializeToString()


@pytest.fixture(scope="session")
def serialize() -> Callable[[dict[str, list[Any]]], bytes]:
    """Turns a row into a serialized example."""
    return _example


@pytest.fixture(scope="session")
def transformed(tmp_path_factory: pytest.TempPathFactory) -> Transformed:
    """The rows, analyzed and transformed as the jobs do it, without Beam."""
    folder = tmp_path_factory.mktemp("transformed")
    preprocessing = FEATURES.preprocessing(Target(label="label"))
    decoder = example_coder.ExamplesToRecordBatchDecoder(
        example_schema(COLUMNS).SerializeToString()
    )
    batch = decoder.DecodeBatch([_example(row) for row in ROWS])
    graph = str(folder / "graph")
    statistics = analyze_batches([batch], preprocessing, str(folder))
    write_transform_graph(graph, preprocessing, statistics, str(folder))
    loaded = LoadedGraph(graph)
    writer = TFRecordWriter(str(folder / "records"), loaded.new_encoding())
    writer.write(loaded.transformed(batch))
    writer.finish()
    file = next(folder.glob("records*.gz"))
    spec = tft.TFTransformOutput(str(folder / "graph")).transformed_feature_spec()
    records = tf.data.TFRecordDataset(str(file), compression_type="GZIP")
    parsed = tf.io.parse_example(list(records.as_numpy_iterator()), spec)
    ids = {
        name: value.to_list() if hasattr(value, "to_list") else value.numpy().tolist()
        for name, value in parsed.items()
    }
    return Transformed(FEATURES, ROWS, ids, folder / "graph", file)


@pytest.fixture(scope="session")
def make_learner() -> Callable[..., Learner]:
    """Makes a learner of a DLRM, whose layers are in a list."""

    def make(
        features: FeatureSet,
        rows: dict[str, int],
        batch_size: int,
        hosts: int = 2,
        seed: int = 0,
    ) -> Learner:
        training = Training(
            batch_size=batch_size, steps=1, hosts=hosts, seed=seed, learning_rate=0.01
        )
        return new_learner(features, rows, MODEL, training)

    return make


@pytest.fixture
def write_records() -> Callable[[Path, Sequence[bytes]], str]:
    """Writes gzipped TFRecords."""

    def write(path: Path, records: Sequence[bytes]) -> str:
        options = tf.io.TFRecordOptions(compression_type="GZIP")
        with tf.io.TFRecordWriter(str(path), options) as writer:
            for record in records:
                writer.write(record)
        return str(path)

    return write
