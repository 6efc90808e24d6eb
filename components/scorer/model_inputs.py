"""Batches of raw columns as the inputs of a model's signature `columns`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from shardline.components.features.graph.transform_graph import DTYPES
from shardline.components.features.ids.tensor_tokens import MISSING
from shardline.components.server.model import Input
from shardline.configs.column import Column
from shardline.configs.columns import model_inputs, raw_columns
from shardline.configs.schema import Features
from shardline.configs.shown import shown

# Whole packets of any processor's matrix product.
_MULTIPLE = 64


class ModelInputs:
    """How columns become inputs, filled up to whole packets of rows."""

    def __init__(self, features: Features, inputs: Mapping[str, Input]):
        """Compares what is read with what the model asks for.

        Args:
            features: what columns are read for.
            inputs: of the signature, by name.

        Raises:
            ValueError: if they differ.
        """
        self._columns = raw_columns(features)
        self._names = {
            name: model_inputs(name, features.inputs, ragged=column.ragged)
            for name, column in self._columns.items()
        }
        read: dict[str, tuple[str, str]] = {}
        for name, column in self._columns.items():
            values, *splits = self._names[name]
            read[values] = (DTYPES[column.dtype].name, name)
            read |= {split: ("int64", name) for split in splits}
        asked = {name: of.dtype.name for name, of in inputs.items()}
        for name in sorted({*read, *asked}):
            _check_same(name, read.get(name), asked.get(name))

    def arrays(self, batch: pa.RecordBatch) -> dict[str, np.ndarray]:
        """Returns the inputs by name.

        Args:
            batch: raw columns, as `read_unit` gives them.

        Returns:
            Arrays of as many rows as fill whole packets. Those that fill up repeat the
            last row, with no value where it may have any number.
        """
        arrays: dict[str, np.ndarray] = {}
        more = -batch.num_rows % _MULTIPLE
        for name, column in self._columns.items():
            names = self._names[name]
            held = batch.column(name)
            offsets = held.offsets.to_numpy()
            values = _numpy(held.flatten())
            if column.ragged:
                splits = np.pad(offsets - offsets[0], (0, more), "edge")
                arrays |= zip(names, (values, splits), strict=True)
            else:
                one = _one_a_row(values, np.diff(offsets), column)
                arrays[names[0]] = np.pad(one, (0, more), "edge")
        return arrays


def _one_a_row(values: np.ndarray, lengths: np.ndarray, column: Column) -> np.ndarray:
    """Returns a value for each row; where there is none, what stands for it."""
    if len(values) == len(lengths):
        return values
    filled = np.full(len(lengths), MISSING[column.dtype], values.dtype)
    filled[lengths == 1] = values
    return filled


def _numpy(values: pa.Array) -> np.ndarray:
    array: np.ndarray = values.to_numpy(zero_copy_only=False)
    return array


def _check_same(name: str, read: tuple[str, str] | None, asked: Any) -> None:
    if read is None:
        raise ValueError(
            f"it asks for `{shown(name)}`, which no feature of the configuration reads."
        )
    dtype, column = read
    if asked is None:
        raise ValueError(
            f"it does not know column `{shown(column)}`, which the configuration reads."
        )
    if asked != dtype:
        raise ValueError(
            f"it asks for {asked} values of column `{shown(column)}`, and the "
            f"configuration reads it as {dtype}."
        )
