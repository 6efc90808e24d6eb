"""The rows of side files by their keys: read once, checked, and looked up."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping

import numpy as np
import pyarrow as pa

from shardline.components.readers.files.column_names import columns_shown, meant
from shardline.components.readers.files.formats.readers import READERS
from shardline.components.readers.files.joins import keys as key_rules
from shardline.components.readers.files.joins.disk_table import (
    DiskTable,
    UnlikeTypesError,
)
from shardline.components.readers.files.joins.join import Join
from shardline.components.readers.files.joins.key_index import KeyIndex
from shardline.components.readers.files.joins.row_keys import row_keys
from shardline.components.readers.files.judging.bad_input import (
    BadInput,
    BadInputError,
    FileFault,
)
from shardline.components.readers.files.judging.refusals import absent_columns
from shardline.components.readers.files.judging.tally import Tally
from shardline.components.readers.files.raw_batch import RawBatch, ReadTask
from shardline.configs.shown import escaped, quoted, shown

_ROWS = 1 << 14
_DIALECT = "data.files.dialect"  # in what readers say of files
_KEY, _COLUMN, _STORED, _KEYS = "key", "column/", "stored/", "keys/"


@dataclasses.dataclass(frozen=True)
class SideTable:
    """The side files of one join.

    Attributes:
        join: what they are.
        columns: the values of each column, by its name in the files, as they are read.
        stored: those that splits look at, as files have them in another type.
        keys: those that are keys of other joins, where `columns` may have them as what
            a feature reads.
        text: columns whose numbers are still text, by their names in the files.
        index: finds rows by their keys.
        rows: how many there are.
        bad: rows and files that are left out.
    """

    join: Join
    columns: Mapping[str, pa.Array]
    stored: Mapping[str, pa.Array]
    keys: Mapping[str, pa.Array]
    text: frozenset[str]
    index: KeyIndex
    rows: int
    bad: BadInput

    def tell(self, bad: BadInput) -> None:
        """Tells what of these files is left out, however often.

        Args:
            bad: takes it.
        """
        for file, fault in self.bad.files.items():
            bad.add_file(file, fault)
        for file in self.bad.empty:
            bad.add_empty(file)
        first = {
            reason: [words for _, _, words in some]
            for reason, some in self.bad.first.items()
        }
        bad.unmatched.leave_out(self.join.name, self.bad.rows, first)


def read_side_files(join: Join) -> SideTable:
    """Reads side files, of which columns go to disk and keys are indexed.

    Args:
        join: what to read; located.

    Raises:
        BadInputError: a file or a row is bad and may not be left out, none has a row,
            or two rows have one key.
    """
    disk, hashes, text = DiskTable(), [np.zeros(0, np.uint64)], set[str]()
    bad, tally = join.reading.new_bad_input(), Tally()
    for raw, keys in _rows(join, bad, tally):
        arrays = {_COLUMN + name: array for name, array in raw.columns.items()}
        arrays |= {_STORED + name: array for name, array in raw.stored.items()}
        arrays |= {
            _KEYS + name: array
            for name, array in raw.keys.items()
            if name in join.columns.values()
        }
        good = pa.array(raw.faults.good)
        batch = pa.RecordBatch.from_arrays(list(arrays.values()), list(arrays))
        batch = batch.filter(good).append_column(_KEY, keys)
        try:
            disk.write(batch)
        except UnlikeTypesError as error:
            words = str(error)
            for prefix in (_COLUMN, _STORED, _KEYS):
                words = words.replace(f"`{prefix}", "`")
            raise BadInputError(
                f"{escaped(raw.faults.place_of(0)[0], keep='')}: {words}. Write it "
                f"alike in all files of `{join.config_key}`."
            ) from error
        hashes.append(key_rules.hashes_of(keys))
        text |= set(raw.text)
    rows = sum(map(len, hashes))
    _refuse(join, tally, bad, rows)
    columns = disk.columns()
    index = KeyIndex(columns.pop(_KEY), np.concatenate(hashes))
    if doubled := index.doubled():
        raise BadInputError(_doubled(join, *doubled))
    return SideTable(
        join,
        _named(columns, _COLUMN),
        _named(columns, _STORED),
        _named(columns, _KEYS),
        frozenset(text),
        index,
        rows,
        bad,
    )


def _named(columns: Mapping[str, pa.Array], prefix: str) -> dict[str, pa.Array]:
    return {
        name.removeprefix(prefix): array
        for name, array in columns.items()
        if name.startswith(prefix)
    }


def _rows(
    join: Join, bad: BadInput, tally: Tally
) -> Iterator[tuple[RawBatch, pa.Array]]:
    """Yields batches with the keys of their good rows."""
    for file in join.files:
        task = ReadTask(file, 0, 1, join.reading, bad, _ROWS, tally)
        try:
            for raw in READERS[join.reading.format](task):
                keys = _keys(join, raw)
                tally.look_at(raw, join.name, np.ones(len(raw.faults.good), bool))
                if len(keys):
                    yield raw, keys
        except FileFault as fault:
            words = str(fault).replace(_DIALECT, f"{join.config_key}.dialect")
            bad.add_file(file, words)


def _keys(join: Join, raw: RawBatch) -> pa.Array:
    """Returns the keys of the rows that have one, and marks the others as bad."""
    name = join.key_in_files
    keys = row_keys(name, raw, join.config_key)
    raw.faults.mark(
        np.flatnonzero(keys.is_null().to_numpy(zero_copy_only=False)),
        f"column `{shown(name)}` has no key",
        lambda _: "it has no value",
        f"Write one, or correct `{join.config_key}`.",
    )
    return keys.filter(pa.array(raw.faults.good))


def _refuse(join: Join, tally: Tally, bad: BadInput, rows: int) -> None:
    """Refuses side files without rows or columns, or with too many bad rows."""
    named = escaped(join.files[0], keep="")
    named += " ..." if len(join.files) > 1 else ""
    lines = "\n".join(bad.lines("row"))
    if not rows:
        raise BadInputError(
            f"{named}: no row to join in {len(join.files)} files of "
            f"`{join.config_key}`. Correct its `files`, or write them again.\n{lines}"
        )
    absent, there = absent_columns(tally, join.name, join.files, join.reading)
    for name in absent:
        raise BadInputError(
            f"{named}: column `{shown(name)}` is in none of the {rows:,} rows; columns "
            f"that are there: {columns_shown(there)}. {meant(name, there)}Correct "
            f"`{join.config_key}`, or write the column."
        )
    total = rows + bad.left_out
    if not join.reading.may_leave_out(bad.left_out, total):
        raise BadInputError(
            f"{bad.left_out:,} of the {total:,} rows of `{join.config_key}` are bad "
            f"({bad.left_out / total:.2%}), more than `data.files.max_bad_share` "
            f"allows ({join.reading.max_bad_share:.2%}). Correct the files, or raise "
            f"`data.files.max_bad_share`.\n{lines}"
        )


def _doubled(join: Join, first: int, second: int) -> str:
    """Says where two rows with one key are; finds it by reading again."""
    places, start = {}, 0
    silent = BadInput("skip", "skip")
    for raw, keys in _rows(join, silent, Tally()):
        good = np.flatnonzero(raw.faults.good)
        for row in (first, second):
            if start <= row < start + len(keys):
                place = raw.faults.location_of(int(good[row - start]))
                places[row] = place, keys[row - start].as_py()
        start += len(keys)
        if len(places) == 2:
            break
    (one, key), (other, _) = places[first], places[second]
    return (
        f"Two rows of `{join.config_key}` have the key {quoted(key)}: {one}, and "
        f"{other}. Leave one of them out, or name another `file_key`."
    )
