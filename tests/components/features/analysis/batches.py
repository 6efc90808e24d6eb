"""Batches of raw columns, from rows written out."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from shardline.configs.schema import Column

_TYPES = {"string": pa.large_binary(), "int64": pa.int64(), "float": pa.float32()}


def batch_of(
    columns: Mapping[str, Column], rows: Sequence[Mapping[str, Any]]
) -> pa.RecordBatch:
    """Returns rows as readers give them: lists, empty for a missing value."""
    arrays = {}
    for name, column in columns.items():
        lists = [_listed(row.get(name)) for row in rows]
        arrays[name] = pa.array(lists, pa.large_list(_TYPES[column.dtype]))
    return pa.RecordBatch.from_pydict(arrays)


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    values = value if isinstance(value, list) else [value]
    return [v.encode() if isinstance(v, str) else v for v in values]
