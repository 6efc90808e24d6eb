"""Writes the schema that the columns of a reader promise."""

import json
import os
from typing import Any

from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.types import artifact_utils
from tfx.utils import io_utils

from shardline.components.execution.import_path import construct
from shardline.components.features.graph.schema import example_schema


class Executor(BaseExecutor):
    """Executor of ReaderSchemaGen."""

    def Do(
        self,
        input_dict: dict[str, list[Any]],
        output_dict: dict[str, list[Any]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes `schema.pbtxt`.

        Args:
            input_dict: unused.
            output_dict: `schema`.
            exec_properties: as in ReaderSchemaGenSpec.
        """
        reader = construct(
            exec_properties["reader"], json.loads(exec_properties["options"])
        )
        folder = artifact_utils.get_single_uri(output_dict["schema"])
        io_utils.write_pbtxt_file(
            os.path.join(folder, "schema.pbtxt"), example_schema(reader.columns)
        )
