"""The transform graph in a worker: batches of raw columns in, transformed ones out."""

import pyarrow as pa
import tensorflow_transform as tft
from tensorflow_transform import impl_helper
from tensorflow_transform.saved import saved_transform_io_v2

from shardline.components.features.graph.raw_adapter import RawAdapter
from shardline.components.features.writing.example_files import Encoding


class LoadedGraph:
    """The transform graph, loaded once a worker process: batches in, batches out."""

    def __init__(self, folder: str):
        """Loads the graph.

        Args:
            folder: the folder of the transform graph.
        """
        output = tft.TFTransformOutput(folder)
        schema = output.transformed_metadata.schema
        self._adapter = RawAdapter(output.raw_metadata.schema)
        self._loader = saved_transform_io_v2.SavedModelLoader(
            output.transform_savedmodel_dir
        )
        self._loader.finalize(
            list(self._adapter.type_specs), list(output.transformed_feature_spec())
        )
        self._converter = impl_helper.make_tensor_to_arrow_converter(schema)
        self._schema = schema

    def new_encoding(self) -> Encoding:
        """Returns how rows are written. The graph serves all threads, this one."""
        return Encoding(self._schema)

    def transformed(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Returns the transformed columns of a batch of raw columns."""
        tensors = self._adapter.tensors(batch)
        return self._converter.convert(self._loader.apply_transform_model(tensors))
