"""The columns of serialized tf.Examples as Arrow arrays, in the kinds they are stored.

One decoder serves each set of kinds, and each thread has decoders of its own.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

import pyarrow as pa
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder

from shardline.components.readers.files.columns.canonical import VALUE_TYPES
from shardline.configs.column import Dtype

Kinds = tuple[tuple[str, Dtype], ...]  # what each column is stored as

_KINDS = {
    "string": schema_pb2.BYTES,
    "int64": schema_pb2.INT,
    "float": schema_pb2.FLOAT,
}
_STORED: dict[pa.DataType, Dtype] = {
    pa.large_binary(): "string",
    pa.binary(): "string",
    pa.int64(): "int64",
    pa.float32(): "float",
}


def joined(arrays: list[pa.Array], wanted: pa.DataType | None) -> pa.Array:
    """Returns one array; values of several types become text if none is wanted."""
    if wanted is None:
        types = {array.type.value_type for array in arrays if not _is_null(array)}
        wanted = types.pop() if len(types) == 1 else pa.large_binary()
    return pa.concat_arrays([_recast(array, wanted) for array in arrays])


def _recast(column: pa.Array, wanted: pa.DataType) -> pa.Array:
    if pa.types.is_null(column.type):
        return column.cast(pa.large_list(wanted))
    stored = column.type.value_type
    if wanted == pa.large_binary() and not _is_text(stored):
        column = column.cast(pa.large_list(pa.large_string()))
    return column.cast(pa.large_list(wanted), safe=False)


def _is_text(stored: pa.DataType) -> bool:
    return bool(pa.types.is_binary(stored) or pa.types.is_large_binary(stored))


def stored_kinds(record: bytes) -> dict[str, Dtype]:
    """Returns the kinds of one tf.Example's columns; empty ones are left out.

    Raises:
        RuntimeError: it does not parse.
    """
    schema = decode(None, [record]).schema
    return {
        field.name: _STORED[field.type.value_type]
        for field in schema
        if not pa.types.is_null(field.type)
    }


def decode_all(records: Sequence[bytes]) -> pa.RecordBatch:
    """Returns all columns as tf.Examples store them, those that do not parse left out.

    A column of whole numbers and floats becomes floats, any other mixture text.
    """
    try:
        return decode(None, records)
    except RuntimeError:
        pieces = [piece for record in records for piece in _parses(record)]
    names = sorted({name for piece in pieces for name in piece.schema.names})
    columns = []
    for name in names:
        arrays = [
            piece.column(name) if name in piece.schema.names else pa.nulls(1)
            for piece in pieces
        ]
        kinds = {_STORED[a.type.value_type] for a in arrays if not _is_null(a)}
        columns.append(_of_kinds(arrays, kinds))
    return pa.RecordBatch.from_arrays(columns, names)


def decoded_alike(records: Sequence[bytes]) -> Iterator[pa.RecordBatch]:
    """Yields all columns in order, in batches that store each column as one kind.

    Args:
        records: serialized tf.Examples.

    Raises:
        RuntimeError: one of them does not parse.
    """
    try:
        yield decode(None, records)
    except RuntimeError:
        if len(records) == 1:
            raise
        half = len(records) // 2
        yield from decoded_alike(records[:half])
        yield from decoded_alike(records[half:])


def _parses(record: bytes) -> list[pa.RecordBatch]:
    try:
        return [decode(None, [record])]
    except RuntimeError:
        return []


def _is_null(array: pa.Array) -> bool:
    return bool(pa.types.is_null(array.type))


def _of_kinds(arrays: list[pa.Array], kinds: set[Dtype]) -> pa.Array:
    if len(kinds) == 1:
        wanted = VALUE_TYPES[kinds.pop()]
    else:
        wanted = pa.float64() if kinds <= {"int64", "float"} else pa.large_binary()
    return joined(arrays, wanted)


def decode(kinds: Kinds | None, records: Sequence[bytes]) -> pa.RecordBatch:
    """Decodes tf.Examples.

    Raises:
        RuntimeError: one of them does not parse, or is not of these kinds.
    """
    try:
        return _decoder(kinds).DecodeBatch(records)
    except RuntimeError:
        # A decoder that has failed keeps what came before, and gives it out next time.
        _decoders.by_kinds.clear()
        raise


class _Decoders(threading.local):
    """Decoders of one thread; two threads in one decoder mix their examples."""

    def __init__(self) -> None:
        self.by_kinds: dict[Kinds | None, ExamplesToRecordBatchDecoder] = {}


_decoders = _Decoders()


def _decoder(kinds: Kinds | None) -> ExamplesToRecordBatchDecoder:
    known = _decoders.by_kinds
    if kinds not in known:
        known[kinds] = _new_decoder(kinds)
    return known[kinds]


def _new_decoder(kinds: Kinds | None) -> ExamplesToRecordBatchDecoder:
    if kinds is None:
        return ExamplesToRecordBatchDecoder()
    schema = schema_pb2.Schema()
    for name, kind in kinds:
        schema.feature.add(name=name, type=_KINDS[kind])
    return ExamplesToRecordBatchDecoder(schema.SerializeToString())
