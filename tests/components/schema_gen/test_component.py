"""What ReaderSchemaGen hands to its executor."""

from tfx.types import standard_artifacts

from shardline.components.execution.code_version import code_version
from shardline.components.schema_gen.component import ReaderSchemaGen
from shardline.components.schema_gen.executor import Executor


def test_reader_is_a_parameter_with_its_code() -> None:
    reader = "shardline.components.readers.movielens.MovieLens100K"

    component = ReaderSchemaGen(reader=reader, options="{}")

    assert dict(component.exec_properties) == {
        "reader": reader,
        "options": "{}",
        "code_version": code_version(Executor.__module__, reader),
    }
    assert component.outputs["schema"].type is standard_artifacts.Schema
