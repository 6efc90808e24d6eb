"""Writes the transform graph in TensorFlow Transform's layout."""

import os
from typing import Any

import numpy as np
import pyarrow as pa
import tensorflow_transform as tft
from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_transform import impl_helper
from tensorflow_transform.tf_metadata import metadata_io, schema_utils
from tensorflow_transform.tf_metadata.dataset_metadata import DatasetMetadata
from tfx_bsl.coders import example_coder
from tfx_bsl.tfxio import tensor_adapter, tensor_representation_util

from components.features.facts import Facts
from components.features.preprocessing import transformed_columns
from components.features.schema import example_schema
from configs.columns import raw_columns
from configs.schema import Preprocessing


def write_transform_graph(
    folder: str, settings: Preprocessing, facts: Facts, vocabularies: str
) -> None:
    """Makes the graph and writes it where `tft.TFTransformOutput` reads it.

    Args:
        folder: to write.
        settings: the specification.
        facts: of the training examples; written beside the graph.
        vocabularies: folder with a file of tokens for each table that has one.
    """
    schema = example_schema(raw_columns(settings, settings.target))

    def preprocessing_fn(columns: dict[str, Any]) -> dict[str, Any]:
        return transformed_columns(columns, settings, facts, vocabularies)

    impl_helper.analyze_in_place(
        preprocessing_fn,
        force_tf_compat_v1=False,
        feature_specs=schema_utils.schema_as_feature_spec(schema).feature_spec,
        type_specs=RawAdapter(schema).type_specs,
        transform_output_path=folder,
    )
    metadata_io.write_metadata(
        DatasetMetadata(schema),
        os.path.join(folder, tft.TFTransformOutput.RAW_METADATA_DIR),
    )
    facts.save(folder)


class RawAdapter:
    """What turns Arrow batches of raw columns into tensors."""

    def __init__(self, schema: schema_pb2.Schema) -> None:
        """Derives it from the schema of raw examples."""
        decoder = example_coder.ExamplesToRecordBatchDecoder(schema.SerializeToString())
        tensors = tensor_representation_util.GetTensorRepresentationsFromSchema(schema)
        arrow = decoder.ArrowSchema()
        self._names = arrow.names
        self._adapter = tensor_adapter.TensorAdapter(
            tensor_adapter.TensorAdapterConfig(arrow, tensors)
        )
        self._optional = {
            name
            for name, tensor in tensors.items()
            if tensor.dense_tensor.HasField("default_value")
        }
        self.type_specs: dict[str, Any] = self._adapter.TypeSpecs()

    def tensors(self, batch: pa.RecordBatch) -> dict[str, Any]:
        """Returns [rows] or ragged tensors of a batch, by column."""
        columns = {
            name: (
                _null_if_empty(batch.column(name))
                if name in self._optional
                else batch.column(name)
            )
            for name in self._names
        }
        return self._adapter.ToBatchTensors(pa.RecordBatch.from_pydict(columns))


def _null_if_empty(column: pa.LargeListArray) -> pa.LargeListArray:
    """Makes null lists of empty ones, which alone get a default."""
    lengths = np.diff(column.offsets.to_numpy())
    return pa.LargeListArray.from_arrays(
        column.offsets, column.values, mask=pa.array(lengths == 0)
    )
