"""Two sets compared: rows of tables, variables of the dense model, and what they say.

Values are compared by their bits, so that a NaN is equal to itself, and 0 is not -0.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
import tensorflow as tf

from shardline.embedding.checkpoint.sets.folder import CheckpointSet
from shardline.embedding.checkpoint.sets.inspection import tensors_of
from shardline.embedding.checkpoint.sets.table_reader import TableReader

Shape: TypeAlias = list[int]


@dataclasses.dataclass(frozen=True)
class Difference:
    """A tensor of two sets that is not the same in both.

    Attributes:
        name: "<table>/parameters", "<table>/<slot>", or the name of a variable.
        first_shape: its shape in the first set; None if that has no such tensor.
        second_shape: the same of the second set.
        compared: rows that both have, or values of a variable.
        differing: how many of these differ in a bit.
        largest: the largest difference of two finite values.
        not_finite: values that differ, one of which at least is no finite number.
    """

    name: str
    first_shape: Shape | None
    second_shape: Shape | None
    compared: int = 0
    differing: int = 0
    largest: float = 0.0
    not_finite: int = 0


def table_differences(
    first: Sequence[CheckpointSet], second: Sequence[CheckpointSet]
) -> Iterator[Difference]:
    """Yields what of the tables differs, reading a block of each set at a time.

    Of a table with more rows in one of the sets, the rows that both have are compared.

    Args:
        first: the sets that make up a set, a full one first.
        second: those that make up the other one.

    Raises:
        ValueError: if a file is shorter than its index says.
    """
    shapes = [_table_shapes(chain[-1]) for chain in (first, second)]
    for name in sorted({*shapes[0], *shapes[1]}):
        found = Difference(name, shapes[0].get(name), shapes[1].get(name))
        table, _, tensor = name.rpartition("/")
        if _is_comparable(found):
            readers = [TableReader(c, table, tensor) for c in (first, second)]
            found = _compared(found, *readers)
        if found.first_shape != found.second_shape or found.differing:
            yield found


def value_differences(first: CheckpointSet, second: CheckpointSet) -> list[Difference]:
    """Returns what of the variables outside of tables differs."""
    readers = [tf.train.load_checkpoint(one.values_prefix) for one in (first, second)]
    shapes = [reader.get_variable_to_shape_map() for reader in readers]
    differences = []
    for name in sorted({*shapes[0], *shapes[1]}):
        found = Difference(name, shapes[0].get(name), shapes[1].get(name))
        if found.first_shape == found.second_shape:
            values = [np.asarray(reader.get_tensor(name)) for reader in readers]
            found = _with_difference(found, *(v.reshape(-1, 1) for v in values))
        if found.first_shape != found.second_shape or found.differing:
            differences.append(found)
    return differences


def said_differences(
    first: CheckpointSet, second: CheckpointSet
) -> dict[str, tuple[Any, Any]]:
    """Returns what the manifests say differently of lineage and state, by key."""
    said = [
        {
            **{f"lineage.{key}": v for key, v in one.manifest.lineage.items()},
            **{f"state.{key}": v for key, v in one.manifest.state.items()},
        }
        for one in (first, second)
    ]
    pairs = {key: (said[0].get(key), said[1].get(key)) for key in {**said[0], **said[1]}}
    return {key: pair for key, pair in pairs.items() if pair[0] != pair[1]}


def _table_shapes(one: CheckpointSet) -> dict[str, Shape]:
    tables = one.manifest.tables
    return {
        f"{name}/{tensor}": [tables[name].rows, tables[name].dim]
        for name, tensor in tensors_of(one)
    }


def _is_comparable(found: Difference) -> bool:
    shapes = (found.first_shape, found.second_shape)
    return None not in shapes and len({shape[1] for shape in shapes if shape}) == 1


def _compared(found: Difference, first: TableReader, second: TableReader) -> Difference:
    common = min(first.rows, second.rows)
    for (_, left), (_, right) in zip(
        first.blocks(common), second.blocks(common), strict=True
    ):
        found = _with_difference(found, left, right)
    return found


def _with_difference(
    found: Difference, left: np.ndarray, right: np.ndarray
) -> Difference:
    """Adds the difference of further rows, [n, dim] each."""
    differs = _bits(left) != _bits(right)
    compared = found.compared + len(left)
    if not differs.any():
        return dataclasses.replace(found, compared=compared)
    largest, not_finite = found.largest, found.not_finite
    if left.dtype.kind in "fiub":
        gaps = np.abs(left[differs].astype(np.float64) - right[differs])
        finite = np.isfinite(gaps)
        not_finite += int(np.count_nonzero(~finite))
        largest = max(largest, float(gaps[finite].max(initial=0.0)))
    return dataclasses.replace(
        found,
        compared=compared,
        differing=found.differing + int(differs.any(axis=1).sum()),
        largest=largest,
        not_finite=not_finite,
    )


def _bits(values: np.ndarray) -> np.ndarray:
    return values.view(f"u{values.itemsize}") if values.dtype.kind == "f" else values
