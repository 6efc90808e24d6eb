"""Serialized tf.Examples to Arrow, a batch at a time; bad ones found by halving."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

import numpy as np
import pyarrow as pa
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder

from shardline.components.readers.files.column_names import columns_shown
from shardline.components.readers.files.columns.canonical import VALUE_TYPES
from shardline.components.readers.files.formats.message_types import (
    AS_EXAMPLES,
    feature_lists,
    is_example,
)
from shardline.components.readers.files.judging.bad_input import RowFaults
from shardline.components.readers.files.raw_batch import RawBatch, Share
from shardline.configs.column import Dtype
from shardline.configs.shown import shown

Kinds = tuple[tuple[str, Dtype], ...]  # what each column is stored as
_SEARCHED = 64  # records, for the kinds of columns that may have several

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


class Decoding:
    """Decodes the tf.Examples of one file.

    A float may be stored as int64, an int64 as float, and a column that only splits
    look at as anything; as what is taken from the first examples, others that differ
    are decoded alone.
    """

    def __init__(self, share: Share) -> None:
        """Takes what the file's columns must hold from the share's settings."""
        self._share = share
        self._columns = share.settings.columns
        self._splitting = share.settings.splitting
        looked_at = {rule.column for rule in share.settings.held_out.values()}
        self._looked_at = sorted(looked_at & set(self._columns))
        self._kinds: Kinds | None = None

    def decoded(self, records: Sequence[bytes], first: int) -> Iterator[RawBatch]:
        """Yields one batch, several if whole numbers are stored in several ways.

        Args:
            records: Serialized tf.Examples.
            first: The number of the first in the file.
        """
        numbers = np.arange(first, first + len(records))
        numbers, records = self._examples(numbers, records)
        if self._kinds is None:
            self._kinds = self._kinds_of_first(records)
        faults = self._faults(numbers)
        pieces = list(self._pieces(records, 0, faults))
        good = numbers[faults.good]
        start = 0
        for _, alike in itertools.groupby(pieces, self._whole_types):
            some = list(alike)
            rows = sum(piece.num_rows for piece in some)
            columns = {
                name: _joined([piece.column(i) for piece in some], self._type(name))
                for i, name in enumerate(some[0].schema.names)
            }
            # A column that is read as floats may be stored as whole numbers.
            stored = {
                name: _joined([piece.column(name) for piece in some], None)
                for name in self._looked_at
            }
            yield RawBatch(
                columns,
                self._faults(good[start : start + rows]),
                stored=stored,
                names=partial(_names, records),
            )
            start += rows

    def _whole_types(self, piece: pa.RecordBatch) -> list[pa.DataType]:
        """Returns how the whole numbers of a piece are stored."""
        return [
            piece.schema.field(name).type
            for name, column in self._columns.items()
            if column.dtype == "int64"
        ]

    def _examples(
        self, numbers: np.ndarray, records: Sequence[bytes]
    ) -> tuple[np.ndarray, Sequence[bytes]]:
        """Marks messages of other types, and returns the others with their numbers."""
        others = [i for i, record in enumerate(records) if not is_example(record)]
        if not others:
            return numbers, records
        faults = self._faults(numbers)
        lists = {i: feature_lists(records[i]) for i in others}
        faults.mark(
            np.array([i for i in others if lists[i] is not None], np.int64),
            "is a tf.SequenceExample, expected a tf.Example",
            lambda row: f"its feature lists are {columns_shown(lists[row] or [])}",
            AS_EXAMPLES,
        )
        faults.mark(np.array(others), *_no_example(records))
        good = np.flatnonzero(faults.good)
        return numbers[good], [records[i] for i in good.tolist()]

    def _faults(self, numbers: np.ndarray) -> RowFaults:
        share = self._share
        number_of = partial(_number, numbers)
        return RowFaults(share.bad, len(numbers), share.file, number_of, "record")

    def _type(self, name: str) -> pa.DataType | None:
        """Returns the type of a column's values; None: that of the pieces."""
        dtype = self._columns[name].dtype if name in self._columns else "int64"
        return None if dtype == "int64" else VALUE_TYPES[dtype]

    def _pieces(
        self, records: Sequence[bytes], first: int, faults: RowFaults
    ) -> Iterator[pa.RecordBatch]:
        """Yields what can be decoded, in order, and marks what cannot."""
        try:
            yield _decode(self._kinds, records)
        except RuntimeError:
            if len(records) == 1:
                yield from self._one(records[0], first, faults)
                return
            half = len(records) // 2
            yield from self._pieces(records[:half], first, faults)
            yield from self._pieces(records[half:], first + half, faults)

    def _one(
        self, record: bytes, row: int, faults: RowFaults
    ) -> Iterator[pa.RecordBatch]:
        """Yields a record whose columns are stored as no other's, or marks it."""
        rows = np.array([row])
        try:
            stored = _stored(record)
        except RuntimeError:
            faults.mark(rows, *_no_example({row: record}))
            return
        # The records after it are likely to be stored as this one is.
        self._kinds = self._kinds_from(dict(self._kinds or ()) | stored)
        for name, kind in self._kinds:
            if stored.get(name, kind) != kind:
                faults.mark(
                    rows,
                    f"column `{shown(name)}` does not hold {kind} values",
                    partial(_holds, stored[name]),
                    _remedy(kind, stored[name]),
                )
                return
        yield _decode(self._kinds, [record])

    def _kinds_of_first(self, records: Sequence[bytes]) -> Kinds:
        """Finds how columns that may be stored in several ways are stored."""
        wanted = set(self._splitting)
        wanted |= {n for n, column in self._columns.items() if column.dtype != "string"}
        stored: dict[str, Dtype] = {}
        for record in records[:_SEARCHED]:
            if wanted <= set(stored):
                break
            try:
                stored = _stored(record) | stored
            except RuntimeError:
                continue  # the decoding of the batch will tell
        return self._kinds_from(stored)

    def _kinds_from(self, stored: dict[str, Dtype]) -> Kinds:
        kinds: dict[str, Dtype] = {}
        for name, column in self._columns.items():
            is_number = "string" not in (column.dtype, stored.get(name, "string"))
            kinds[name] = stored[name] if is_number else column.dtype
        for name in self._splitting:
            kinds[name] = stored.get(name, "string")
        return tuple(kinds.items())


def _no_example(
    records: Sequence[bytes] | Mapping[int, bytes],
) -> tuple[str, Callable[[int], str], str]:
    """Returns reason, what came and remedy for records by their rows."""
    return (
        "is no tf.Example",
        lambda row: f"{len(records[row]):,} bytes, the first {records[row][:20]!r}",
        "Write tf.train.Example.SerializeToString() into records.",
    )


def _names(records: Sequence[bytes]) -> list[str]:
    """Returns the columns of the first records that parse."""
    return sorted(as_found(records[:_SEARCHED]).schema.names)


def _number(numbers: np.ndarray, row: int) -> int:
    return int(numbers[row])


def _holds(kind: Dtype, _: int) -> str:
    return f"it holds {kind} values"


def _remedy(wanted: Dtype, stored: Dtype) -> str:
    if wanted == "float":
        return "Write numbers."
    if (wanted, stored) == ("string", "float"):
        return "Give `dtype: int64`, which takes whole floats, too, or write strings."
    return "Say the `dtype` that the files have, or write another."


def _joined(arrays: list[pa.Array], wanted: pa.DataType | None) -> pa.Array:
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


def _stored(record: bytes) -> dict[str, Dtype]:
    """Returns what one tf.Example stores; empty columns are left out."""
    schema = _decode(None, [record]).schema
    return {
        field.name: _STORED[field.type.value_type]
        for field in schema
        if not pa.types.is_null(field.type)
    }


def as_found(records: Sequence[bytes]) -> pa.RecordBatch:
    """Returns all columns as tf.Examples store them, those that do not parse left out.

    A column of whole numbers and floats becomes floats, any other mixture text.
    """
    try:
        return _decode(None, records)
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
        columns.append(_together(arrays, kinds))
    return pa.RecordBatch.from_arrays(columns, names)


def _parses(record: bytes) -> list[pa.RecordBatch]:
    try:
        return [_decode(None, [record])]
    except RuntimeError:
        return []


def _is_null(array: pa.Array) -> bool:
    return bool(pa.types.is_null(array.type))


def _together(arrays: list[pa.Array], kinds: set[Dtype]) -> pa.Array:
    if len(kinds) == 1:
        wanted = VALUE_TYPES[kinds.pop()]
    else:
        wanted = pa.float64() if kinds <= {"int64", "float"} else pa.large_binary()
    return _joined(arrays, wanted)


def _decode(kinds: Kinds | None, records: Sequence[bytes]) -> pa.RecordBatch:
    """Decodes tf.Examples.

    Raises:
        RuntimeError: One of them does not parse, or is not of these kinds.
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
