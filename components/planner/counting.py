"""The one pass over the examples: counts of tokens, ids a row, and a sample of rows."""

from __future__ import annotations

import os
import tempfile

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shardline.components.features.analysis.counts import TokenCounts, to_bytes
from shardline.components.features.analysis.living import write_vocabulary_at_once
from shardline.components.features.analysis.numbers import TableQuantiles, boundaries
from shardline.components.features.ids.arrow_ids import TableIds
from shardline.components.features.ids.arrow_tokens import (
    counted_tokens,
    kept_tokens,
    stored_tokens,
)
from shardline.components.planner.row_sample import RowSample
from shardline.configs.column import Dtype
from shardline.configs.schema import Preprocessing


class Lengths:
    """How many rows have so many ids, and how many ids are cut off."""

    def __init__(self) -> None:
        """Starts with no row."""
        self._rows = np.zeros(1, np.int64)
        self.ids = 0
        self.kept = 0

    def add(self, lengths: np.ndarray, most: int | None) -> None:
        """Counts rows: int64 [rows], and the most ids that one keeps."""
        counts = np.bincount(lengths, minlength=len(self._rows))
        counts[: len(self._rows)] += self._rows
        self._rows = counts
        self.ids += int(lengths.sum())
        self.kept += int(np.minimum(lengths, most).sum() if most else lengths.sum())

    @property
    def percentiles(self) -> list[int]:
        """The percentiles 0 to 100 of how many ids a row has."""
        ends = np.cumsum(self._rows)
        ranks = np.maximum(1, np.ceil(np.arange(101) / 100 * ends[-1]))
        percentiles: list[int] = np.searchsorted(ends, ranks).tolist()
        return percentiles

    @property
    def mean(self) -> float:
        """Ids a row."""
        return self.ids / max(1, int(self._rows.sum()))


class TableTokens:
    """Counts the tokens of one table: those looked up, and those of its vocabulary."""

    def __init__(self, *, is_float: bool, counts_cut: bool) -> None:
        """Starts with no token.

        Args:
            is_float: whether tokens are floats.
            counts_cut: whether the vocabulary counts tokens that are not looked up.
        """
        self._is_float = is_float
        self._lookups = TokenCounts()
        self._all = TokenCounts() if counts_cut else None

    def add(self, lookups: pa.Array, tokens: pa.Array | None) -> None:
        """Counts tokens; `tokens` are all of the feature, if they are counted too."""
        self._lookups.add(_bits(lookups) if self._is_float else lookups)
        if self._all is not None and tokens is not None:
            self._all.add(tokens)

    @property
    def counts_cut(self) -> bool:
        """Whether all tokens are counted besides those looked up."""
        return self._all is not None

    def drain(self) -> tuple[pa.Table, pa.Table]:
        """Returns the counts of tokens looked up, and of the vocabulary's."""
        lookups = self._lookups.drain()
        return lookups, self._all.drain() if self._all else lookups


class Counting:
    """What one pass over the training examples keeps."""

    def __init__(self, preprocessing: Preprocessing, sampled_rows: int) -> None:
        """Starts with no example.

        Args:
            preprocessing: the features, numbers and tables to preprocess.
            sampled_rows: rows to draw.
        """
        self.preprocessing = preprocessing
        self.examples = 0
        self.sample = RowSample(sampled_rows)
        self.lengths = {name: Lengths() for name in preprocessing.features}
        self._columns = _columns(preprocessing)
        self._quantiles = TableQuantiles(preprocessing)
        self._tables = {
            table: TableTokens(
                is_float=preprocessing.dtype_of(table) == "float",
                counts_cut=_cuts(preprocessing, table),
            )
            for table in preprocessing.vocabularies
        }

    def add(self, batch: pa.RecordBatch, unit: int, first: int) -> None:
        """Counts rows.

        Args:
            batch: raw columns.
            unit: number of the unit of work that they are from.
            first: number of the first of them in it.
        """
        self.examples += batch.num_rows
        self.sample.add(batch.select(self._columns), unit, first)
        self._quantiles.add(batch)
        for name, feature in self.preprocessing.features.items():
            tokens = stored_tokens(name, feature, batch)
            self.lengths[name].add(tokens.lengths, feature.max_sequence_length)
            table = self._tables[feature.table]
            whole = None
            if table.counts_cut:
                whole = counted_tokens(name, feature, batch)
            table.add(kept_tokens(tokens, feature).values, whole)

    def tables(self) -> dict[str, tuple[TableIds, pa.Array, np.ndarray]]:
        """Returns of each table its ids, the tokens looked up, and their counts."""
        sketches = self._quantiles.drain()
        found = {}
        for name, table in self._tables.items():
            ids, rules = (
                self.preprocessing.ids_of(name),
                self.preprocessing.vocabularies[name],
            )
            lookups, whole = table.drain()
            kept: pa.Array | None = None
            dtype = self.preprocessing.dtype_of(name)
            ends: list[int] | list[float] = []
            if ids.kind == "vocabulary":
                kept = self._vocabulary(name, whole)
            elif ids.quantile_buckets:
                ends = boundaries([sketches[name]], ids.quantile_buckets, dtype)
            tokens = lookups.column("token").combine_chunks()
            counts = lookups.column("count").to_numpy()
            to_ids = TableIds(ids, rules.oov_rows, kept, ends)
            found[name] = to_ids, _as_stored(tokens, ids.kind, dtype), counts
        return found

    def _vocabulary(self, table: str, counts: pa.Table) -> pa.Array:
        """Returns a table's tokens in the order of their ids, as preprocessing does."""
        with tempfile.TemporaryDirectory(prefix="shardline-plan-") as folder:
            path = os.path.join(folder, table)
            with open(f"{path}.counts", "wb") as sink:
                sink.write(to_bytes(counts))
            shards = {0: [f"{path}.counts"]}
            write_vocabulary_at_once(folder, table, shards, self.preprocessing)
            with open(path, "rb") as file:
                lines = pa.array([file.read().removesuffix(b"\n")], pa.large_binary())
        return pc.split_pattern(lines, "\n").flatten()


def _columns(preprocessing: Preprocessing) -> list[str]:
    """Returns the columns that tokens are made of."""
    columns = [
        column
        for name, feature in preprocessing.features.items()
        for column in feature.cross or (feature.column or name,)
    ]
    return list(dict.fromkeys(columns))


def _cuts(preprocessing: Preprocessing, table: str) -> bool:
    """Tells whether a vocabulary counts tokens that sequences cut off."""
    features = preprocessing.features_of(table).values()
    return preprocessing.ids_of(table).kind == "vocabulary" and any(
        feature.max_sequence_length for feature in features
    )


def _bits(values: pa.Array) -> pa.Array:
    """Returns whole numbers for floats to be counted by."""
    floats = values.to_numpy(zero_copy_only=False)
    return pa.array(floats.view(np.int32).astype(np.int64))


def _as_stored(tokens: pa.Array, kind: str, dtype: Dtype) -> pa.Array:
    """Returns counted tokens, which are text, as ids are made of them."""
    if kind in ("vocabulary", "hash"):
        return tokens
    numbers = tokens.cast(pa.large_string()).cast(pa.int64())
    if dtype == "int64":
        return numbers
    return pa.array(numbers.to_numpy().astype(np.int32).view(np.float32))
