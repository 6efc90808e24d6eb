"""Columns of many rows on disk, mapped into memory, of which some rows are taken.

The files have no name in the temporary folder, so that nothing of them is left however
the process ends.
"""

from __future__ import annotations

import mmap
import tempfile
from collections.abc import Iterator
from typing import IO

import pyarrow as pa
import pyarrow.types as kinds

from shardline.components.readers.files.columns.lists import is_list


class UnlikeTypesError(Exception):
    """A column holds values of types that no type can hold all; the message says it."""


class DiskTable:
    """Takes batches of rows, whose types may widen, and gives their columns."""

    def __init__(self) -> None:
        """Opens nothing yet."""
        self._files: list[tuple[IO[bytes], pa.RecordBatchWriter]] = []
        self._schema: pa.Schema | None = None

    def write(self, batch: pa.RecordBatch) -> None:
        """Adds rows.

        Args:
            batch: with the same names of columns each time.

        Raises:
            UnlikeTypesError: the types cannot be brought together with earlier ones.
        """
        batch = _plain(batch)
        schema = _common(self._schema, batch.schema)
        if not self._files or schema != self._schema:
            file = tempfile.TemporaryFile(prefix="shardline-join-")
            self._files.append((file, pa.ipc.new_file(file, schema)))
            self._schema = schema
        self._files[-1][1].write_batch(_cast(batch, schema))

    def columns(self) -> dict[str, pa.Array]:
        """Returns all columns, each one array in a mapped file; writing is over.

        One column at a time is held in memory.

        Raises:
            UnlikeTypesError: a value is not the same in the type that holds all.
        """
        for _, writer in self._files:
            writer.close()
        parts = [_mapped(file) for file, _ in self._files]
        assert self._schema is not None  # a row was written
        try:
            return {
                field.name: _on_disk([part.column(field.name) for part in parts], field)
                for field in self._schema
            }
        finally:
            self.close()

    def close(self) -> None:
        """Closes the files; what is mapped stays."""
        for file, _ in self._files:
            file.close()


def _mapped(file: IO[bytes]) -> pa.Table:
    file.flush()
    content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    return pa.ipc.open_file(pa.py_buffer(content)).read_all()


def _on_disk(parts: list[pa.ChunkedArray], field: pa.Field) -> pa.Array:
    """Writes a column as one array, and returns it mapped."""
    chunks = [
        _cast_column(field.name, chunk, field.type)
        for part in parts
        for chunk in part.chunks
    ]
    batch = pa.RecordBatch.from_arrays([pa.concat_arrays(chunks)], [field.name])
    with tempfile.TemporaryFile(prefix="shardline-join-") as file:
        with pa.ipc.new_file(file, batch.schema) as writer:
            writer.write_batch(batch)
        return _mapped(file).column(0).chunk(0)


def _plain(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Returns columns without dictionaries, and with offsets of 64 bits."""
    arrays = [_plain_array(array) for array in batch.columns]
    return pa.RecordBatch.from_arrays(arrays, batch.schema.names)


def _plain_array(array: pa.Array) -> pa.Array:
    if isinstance(array.type, pa.BaseExtensionType):
        return _plain_array(array.storage)
    if kinds.is_dictionary(array.type):
        return _plain_array(array.dictionary_decode())
    return array.cast(_plain_type(array.type))


def _plain_type(stored: pa.DataType) -> pa.DataType:
    if kinds.is_string(stored):
        return pa.large_string()
    if kinds.is_binary(stored):
        return pa.large_binary()
    if is_list(stored) and not kinds.is_fixed_size_list(stored):
        return pa.large_list(_plain_type(stored.value_type))
    return stored


def _common(ours: pa.Schema | None, theirs: pa.Schema) -> pa.Schema:
    if ours is None or ours == theirs:
        return theirs
    return pa.schema(list(_common_fields(ours, theirs)))


def _common_fields(ours: pa.Schema, theirs: pa.Schema) -> Iterator[pa.Field]:
    for field in ours:
        both = [pa.schema([field]), pa.schema([theirs.field(field.name)])]
        try:
            yield pa.unify_schemas(both, promote_options="permissive").field(0)
        except (pa.ArrowTypeError, pa.ArrowInvalid) as error:
            raise UnlikeTypesError(
                f"column `{field.name}` holds {both[1].field(0).type} and, before it, "
                f"{field.type}"
            ) from error


def _cast(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    arrays = [_cast_column(f.name, batch.column(f.name), f.type) for f in schema]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _cast_column(name: str, array: pa.Array, wanted: pa.DataType) -> pa.Array:
    try:
        return array.cast(wanted)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise UnlikeTypesError(
            f"column `{name}` holds {array.type} here and {wanted} elsewhere, which "
            "does not hold all of its values"
        ) from error
