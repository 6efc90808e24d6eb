"""The component that writes the schema which the feature specification expects."""

import json
import os

from tfx.dsl.component.experimental.annotations import OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import Schema
from tfx.utils import io_utils

from shardline.components.execution.import_path import construct
from shardline.components.features.graph.schema import example_schema


@component
def ReaderSchemaGen(
    schema: OutputArtifact[Schema],
    reader: Parameter[str],
    options: Parameter[str],
    code_version: Parameter[str],
) -> None:
    """Writes the schema of a reader's columns.

    Args:
        schema: where it goes.
        reader: import path of the reader.
        options: the reader's options, as JSON.
        code_version: digest of the code, for the cache key.
    """
    columns = construct(reader, json.loads(options)).columns
    io_utils.write_pbtxt_file(
        os.path.join(schema.uri, "schema.pbtxt"), example_schema(columns)
    )
