"""Serialized tf.Examples to Arrow, a batch at a time; bad ones found by halving."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

import numpy as np
import pyarrow as pa

from shardline.components.readers.files.column_names import columns_shown
from shardline.components.readers.files.columns.canonical import VALUE_TYPES
from shardline.components.readers.files.formats.example_columns import (
    Kinds,
    decode,
    decode_all,
    decoded_alike,
    joined,
    stored_kinds,
)
from shardline.components.readers.files.formats.message_types import (
    AS_EXAMPLES,
    feature_lists,
    is_example,
)
from shardline.components.readers.files.judging.bad_input import RowFaults
from shardline.components.readers.files.judging.remedies import FOR_LABEL
from shardline.components.readers.files.raw_batch import RawBatch, ReadTask
from shardline.components.readers.files.splits.row_texts import row_texts
from shardline.configs.column import Dtype
from shardline.configs.shown import shown

_SEARCHED = 64  # records, for the kinds of columns that may have several


class Decoding:
    """Decodes the tf.Examples of one file.

    A float may be stored as int64, an int64 as float, and a column that only splits
    look at as anything; as what is taken from the first examples, others that differ
    are decoded alone.
    """

    def __init__(self, task: ReadTask) -> None:
        """Takes what the file's columns must hold from the task's settings."""
        self._task = task
        self._columns = task.settings.own_columns
        self._of_any_kind = list(task.settings.splitting)
        if task.settings.label is not None and task.settings.label_words:
            self._of_any_kind.append(task.settings.label)
        self._looked_at = sorted(task.settings.looked_at & set(self._columns))
        self._kinds: Kinds | None = None

    def decoded(self, records: Sequence[bytes], first: int) -> Iterator[RawBatch]:
        """Yields one batch, several if whole numbers are stored in several ways.

        Args:
            records: serialized tf.Examples.
            first: the number of the first in the file.
        """
        numbers = np.arange(first, first + len(records))
        numbers, records = self._examples(numbers, records)
        if self._kinds is None:
            self._kinds = self._kinds_of_first(records)
        faults = self._faults(numbers)
        pieces = list(self._pieces(records, 0, faults))
        good = numbers[faults.good]
        texts = self._row_texts(records, faults.good)
        start = 0
        for _, alike in itertools.groupby(pieces, self._whole_types):
            some = list(alike)
            rows = sum(piece.num_rows for piece in some)
            columns = {
                name: joined([piece.column(i) for piece in some], self._type(name))
                for i, name in enumerate(some[0].schema.names)
            }
            # A column that is read as floats may be stored as whole numbers.
            stored = {
                name: joined([piece.column(name) for piece in some], None)
                for name in self._looked_at
            }
            yield RawBatch(
                columns,
                self._faults(good[start : start + rows]),
                stored=stored,
                names=partial(_names, records),
                row_texts=None if texts is None else texts[start : start + rows],
            )
            start += rows

    def _whole_types(self, piece: pa.RecordBatch) -> list[pa.DataType]:
        """Returns how the whole numbers of a piece are stored."""
        return [
            piece.schema.field(name).type
            for name, column in self._columns.items()
            if column.dtype == "int64"
        ]

    def _row_texts(self, records: Sequence[bytes], good: np.ndarray) -> pa.Array | None:
        """Returns good examples as texts, if splits are drawn by them."""
        if not self._task.settings.draws_rows:
            return None
        texts = [pa.array([], pa.large_binary())]
        of_good = [records[i] for i in np.flatnonzero(good).tolist()]
        for batch in decoded_alike(of_good):
            names, columns = batch.schema.names, batch.columns
            texts.append(row_texts(names, columns, batch.num_rows))
        return pa.concat_arrays(texts)

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
        task = self._task
        number_of = partial(_number, numbers)
        return RowFaults(task.bad, len(numbers), task.file, number_of, "record")

    def _type(self, name: str) -> pa.DataType | None:
        """Returns the type of a column's values; None: that of the pieces."""
        if name in self._of_any_kind or self._columns[name].dtype == "int64":
            return None
        return VALUE_TYPES[self._columns[name].dtype]

    def _pieces(
        self, records: Sequence[bytes], first: int, faults: RowFaults
    ) -> Iterator[pa.RecordBatch]:
        """Yields what can be decoded, in order, and marks what cannot."""
        try:
            yield decode(self._kinds, records)
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
            stored = stored_kinds(record)
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
                    self._remedy(name, kind, stored[name]),
                )
                return
        yield decode(self._kinds, [record])

    def _remedy(self, name: str, wanted: Dtype, stored: Dtype) -> str:
        if wanted == "float":
            is_label = name == self._task.settings.label
            return FOR_LABEL.other if is_label else "Write numbers."
        if (wanted, stored) == ("string", "float"):
            return (
                "Give `dtype: int64`, which takes whole floats, too, or write strings."
            )
        return "Say the `dtype` that the files have, or write another."

    def _kinds_of_first(self, records: Sequence[bytes]) -> Kinds:
        """Finds how columns that may be stored in several ways are stored."""
        wanted = set(self._of_any_kind)
        wanted |= {n for n, column in self._columns.items() if column.dtype != "string"}
        stored: dict[str, Dtype] = {}
        for record in records[:_SEARCHED]:
            if wanted <= set(stored):
                break
            try:
                stored = stored_kinds(record) | stored
            except RuntimeError:
                continue  # the decoding of the batch will tell
        return self._kinds_from(stored)

    def _kinds_from(self, stored: dict[str, Dtype]) -> Kinds:
        kinds: dict[str, Dtype] = {}
        for name, column in self._columns.items():
            is_number = "string" not in (column.dtype, stored.get(name, "string"))
            kinds[name] = stored[name] if is_number else column.dtype
        for name in self._of_any_kind:
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
    return sorted(decode_all(records[:_SEARCHED]).schema.names)


def _number(numbers: np.ndarray, row: int) -> int:
    return int(numbers[row])


def _holds(kind: Dtype, _: int) -> str:
    return f"it holds {kind} values"
