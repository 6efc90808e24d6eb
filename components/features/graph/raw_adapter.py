"""Arrow batches of raw columns to tensors."""

from typing import Any

import pyarrow as pa
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx_bsl.coders import example_coder
from tfx_bsl.tfxio import tensor_adapter, tensor_representation_util


class RawAdapter:
    """What turns Arrow batches of raw columns into tensors.

    Attributes:
        config: the same as TensorFlow Transform takes it, for `prepared` batches.
        type_specs: the type specs of the tensors, by column.
    """

    def __init__(self, schema: schema_pb2.Schema) -> None:
        """Derives it from the schema of raw examples."""
        decoder = example_coder.ExamplesToRecordBatchDecoder(schema.SerializeToString())
        tensors = tensor_representation_util.GetTensorRepresentationsFromSchema(schema)
        arrow = decoder.ArrowSchema()
        self._names = arrow.names
        self.config = tensor_adapter.TensorAdapterConfig(arrow, tensors)
        self._adapter = tensor_adapter.TensorAdapter(self.config)
        self.type_specs: dict[str, Any] = self._adapter.TypeSpecs()

    def tensors(self, batch: pa.RecordBatch) -> dict[str, Any]:
        """Returns [rows] or ragged tensors of a batch, by column."""
        tensors: dict[str, Any] = self._adapter.ToBatchTensors(self.prepared(batch))
        return tensors

    def prepared(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Returns the columns that are read."""
        return pa.RecordBatch.from_pydict(
            {name: _whole(batch.column(name)) for name in self._names}
        )


def _whole(column: pa.LargeListArray) -> pa.LargeListArray:
    """Copies a column that is a part of another one, which the adapter misreads."""
    return column.take(pa.array(range(len(column)))) if column.offset else column
