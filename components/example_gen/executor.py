"""Runs a reader in Beam and writes each split as gzipped TFRecords of tf.Example."""

import functools
import json
import os
from collections.abc import Callable
from typing import Any

import apache_beam as beam
from tfx.components.util import examples_utils
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils

from components.columns import TellsWhyEmpty
from components.import_path import construct


class Executor(BaseBeamExecutor):
    """Executor of ReaderExampleGen."""

    def Do(
        self,
        input_dict: dict[str, list[Any]],
        output_dict: dict[str, list[Any]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Reads, and writes one folder of records for each split.

        Args:
            input_dict: unused.
            output_dict: `examples`.
            exec_properties: as in ReaderExampleGenSpec.

        Raises:
            ValueError: if the reader refuses the data or leaves a split empty.
        """
        artifact = artifact_utils.get_single_instance(output_dict["examples"])
        reader = construct(
            exec_properties["reader"], json.loads(exec_properties["options"])
        )
        with self._make_beam_pipeline() as root:
            splits = reader.examples(root, exec_properties["path"])
            artifact.splits = list(splits)
            for split, examples in splits.items():
                folder = artifact_utils.get_split_uri([artifact], split)
                _write(
                    examples, split, folder, functools.partial(_why, exec_properties)
                )
        examples_utils.set_payload_format(artifact, example_gen_pb2.FORMAT_TF_EXAMPLE)


def _why(exec_properties: dict[str, Any], split: str) -> str:
    """Returns what the reader says of a split that it gave no example."""
    reader = construct(
        exec_properties["reader"], json.loads(exec_properties["options"])
    )
    if not isinstance(reader, TellsWhyEmpty):
        return ""
    return reader.why_empty(exec_properties["path"], split)


def _write(examples: Any, split: str, folder: str, why: Callable[[str], str]) -> None:
    _ = (
        examples
        | f"Count[{split}]" >> beam.combiners.Count.Globally()
        | f"Refuse empty[{split}]" >> beam.Map(_refuse_empty, split, why)
    )
    _ = (
        examples
        | f"Serialize[{split}]" >> beam.Map(_serialized)
        | f"Write[{split}]"
        >> beam.io.WriteToTFRecord(
            os.path.join(folder, "data_tfrecord"), file_name_suffix=".gz"
        )
    )


def _serialized(example: Any) -> bytes:
    """Returns the bytes of an example that a reader gave, serialized or not."""
    if isinstance(example, bytes):
        return example
    serialized: bytes = example.SerializeToString(deterministic=True)
    return serialized


def _refuse_empty(count: int, split: str, why: Callable[[str], str]) -> None:
    if not count:
        raise ValueError(
            f"Split '{split}' is empty: the reader gave it no example. "
            f"{why(split) or 'Change how it splits, or the data.'}"
        )
