"""What ReaderExampleGen hands to its executor."""

from tfx.types import standard_artifacts

from shardline.components.contracts.erasures.reading import ReadErasure
from shardline.components.example_gen.component import ReaderExampleGen
from shardline.components.example_gen.executor import Executor
from shardline.components.execution.code_version import code_version

READERS = [
    "shardline.components.readers.movielens.MovieLens100K",
    "shardline.components.readers.files.beam_reader.FileReader",
]
ERASURE = ReadErasure(serving_dir="/serving", columns={}, read=())


def test_reader_and_data_are_parameters_with_the_code_of_both() -> None:
    versions = set()
    for reader in READERS:
        component = ReaderExampleGen(
            reader=reader,
            options="{}",
            path="/data",
            data_version="1",
            erasure=ERASURE,
        )

        parameters = dict(component.exec_properties)
        versions.add(parameters["code_version"])
        assert parameters == {
            "reader": reader,
            "options": "{}",
            "path": "/data",
            "data_version": "1",
            "erasure": ERASURE.as_parameter(),
            "code_version": code_version(Executor.__module__, reader),
        }
        assert component.outputs["examples"].type is standard_artifacts.Examples
    assert len(versions) == len(READERS)
