"""Columns that a function of the user's own adds, in TensorFlow Transform.

The function is analysed and saved first, as a graph by itself. Counting then applies
that graph to batches, and the transform graph has it inside, so that everything sees
the same columns.
"""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import tensorflow as tf
import tensorflow_transform as tft
from tensorflow_transform import impl_helper
from tensorflow_transform.saved import saved_transform_io_v2

from shardline.components.features.graph.raw_adapter import RawAdapter
from shardline.components.features.graph.schema import example_schema
from shardline.configs.column import Column, Dtype
from shardline.configs.schema import Derived
from shardline.configs.shown import shown

_DTYPES: dict[tf.DType, Dtype] = {
    tf.string: "string",
    tf.int64: "int64",
    tf.float32: "float",
}
_RAGGED = "$ragged_values"  # of TensorFlow Transform, in names of Arrow columns


class DerivedError(ValueError):
    """The user's own function fails, or does not give what it should.

    Attributes:
        reason: why, without the section of the configuration that it is about.
    """

    def __init__(self, reason: str) -> None:
        """Takes the reason.

        Args:
            reason: why, and what to do about it.
        """
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        """Returns the section of the configuration, and the reason."""
        return f"derived: {self.reason}"


class DerivedColumns(tf.Module):
    """The function's graph, on tensors."""

    def __init__(self, folder: str) -> None:
        """Loads the graph.

        Args:
            folder: the folder that the graph was written to.
        """
        super().__init__()
        output = tft.TFTransformOutput(folder)
        self._loader = saved_transform_io_v2.SavedModelLoader(
            output.transform_savedmodel_dir
        )
        # The loader is no trackable object; its resources must be tracked to be saved.
        self._resources = self._loader.__dict__

    def __call__(self, columns: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the columns that the function makes of others."""
        outputs: dict[str, Any] = self._loader.apply_transform_model(dict(columns))
        return outputs


class DerivedBatches:
    """The function's graph, on Arrow batches."""

    def __init__(self, folder: str, derived: Derived) -> None:
        """Loads the graph.

        Args:
            folder: the folder that the graph was written to.
            derived: what the function reads and makes.
        """
        self._adapter = RawAdapter(example_schema(derived.inputs))
        self._columns = DerivedColumns(folder)
        schema = tft.TFTransformOutput(folder).transformed_metadata.schema
        self._converter = impl_helper.make_tensor_to_arrow_converter(schema)

    def with_derived(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Returns a batch of raw columns with the derived ones beside them."""
        derived = self._converter.convert(self._columns(self._adapter.tensors(batch)))
        columns = dict(zip(batch.schema.names, batch.columns, strict=True))
        for name, column in zip(derived.schema.names, derived.columns, strict=True):
            columns[name.removesuffix(_RAGGED)] = column
        return pa.RecordBatch.from_pydict(columns)


def checked_outputs(outputs: Mapping[str, Any], derived: Derived) -> dict[str, Any]:
    """Returns what the function gave, if it is what the specification says.

    Args:
        outputs: tensors by column.
        derived: what the function reads and makes.

    Raises:
        DerivedError: if a column is missing, unasked for or of another kind.
    """
    found = {name: _kind(value) for name, value in outputs.items()}
    expected = {name: str(column) for name, column in derived.outputs.items()}
    if found != expected:
        raise DerivedError(
            f"`{derived.function}` gives {_listed(found)}; `derived.outputs` "
            f"says {_listed(expected)}. Make the two agree."
        )
    return dict(outputs)


def _kind(value: Any) -> str:
    dtype = _DTYPES.get(value.dtype)
    ranks = {1: False, 2: True} if isinstance(value, tf.RaggedTensor) else {1: False}
    ragged = ranks.get(value.shape.rank)
    if dtype is None or ragged is None:
        return f"{value.dtype.name} of shape {value.shape}"
    return str(Column(dtype, ragged))


def _listed(columns: Mapping[str, str]) -> str:
    return (
        ", ".join(f"`{shown(n)}` ({kind})" for n, kind in sorted(columns.items()))
        or "none"
    )
