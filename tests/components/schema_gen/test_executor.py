"""The schema that a reader's columns promise."""

from pathlib import Path

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx.types import standard_artifacts

from shardline.components.readers.movielens import MovieLens100K
from shardline.components.schema_gen.executor import Executor


def test_schema_has_every_column_of_the_reader(tmp_path: Path) -> None:
    schema = standard_artifacts.Schema()
    schema.uri = str(tmp_path)

    Executor().Do(
        {},
        {"schema": [schema]},
        {
            "reader": "shardline.components.readers.movielens.MovieLens100K",
            "options": '{"history_length": 3}',
        },
    )

    written = text_format.Parse(
        (tmp_path / "schema.pbtxt").read_text(), schema_pb2.Schema()
    )
    columns = MovieLens100K(history_length=3).columns
    kinds = {feature.name: feature.type for feature in written.feature}
    assert set(kinds) == set(columns)
    assert kinds["label"] == schema_pb2.FLOAT
    assert kinds["genres"] == schema_pb2.BYTES
