"""Two sets compared: rows of tables, variables of the dense model, and what they say.

Values are compared by their bits, so that a NaN is equal to itself, and 0 is not -0.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np

from shardline.embedding.checkpoint.sets.chain import Block, table_blocks
from shardline.embedding.checkpoint.sets.manifest import SetManifest, StoredTable
from shardline.embedding.checkpoint.sets.reader import SetReader, tensors_of

Shape: TypeAlias = list[int]
Tensors: TypeAlias = dict[str, np.ndarray]


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

    @property
    def is_one(self) -> bool:
        """Whether the tensor differs at all."""
        return self.first_shape != self.second_shape or self.differing > 0


@dataclasses.dataclass(frozen=True)
class Comparison:
    """What differs between two sets.

    Attributes:
        tables: parameters and slots of tables.
        values: other variables.
        said: what the manifests say differently of lineage and state, in the first set
            and in the second, by key.
    """

    tables: list[Difference]
    values: list[Difference]
    said: dict[str, tuple[Any, Any]]

    @property
    def is_empty(self) -> bool:
        """Whether both hold the same."""
        return not (self.tables or self.values or self.said)


def compare(first: Sequence[SetReader], second: Sequence[SetReader]) -> Comparison:
    """Compares two sets, reading a block of each at a time.

    Of a table with more rows in one of the sets, the rows that both have are compared.

    Args:
        first: readers of the sets that make up a set, a full one first.
        second: the same of the other one.

    Raises:
        SetDamagedError: if a file is not what was written.
    """
    return Comparison(
        list(_table_differences(first, second)),
        list(_value_differences(first[-1], second[-1])),
        _said_differences(first[-1].set.manifest, second[-1].set.manifest),
    )


def _table_differences(
    first: Sequence[SetReader], second: Sequence[SetReader]
) -> Iterator[Difference]:
    held = [chain[-1].set.manifest.tables for chain in (first, second)]
    for table in sorted({*held[0], *held[1]}):
        sides = [_shapes(tables.get(table)) for tables in held]
        found = {
            tensor: Difference(
                f"{table}/{tensor}", sides[0].get(tensor), sides[1].get(tensor)
            )
            for tensor in {**sides[0], **sides[1]}
        }
        if _have_rows_in_common(*sides):
            blocks = (table_blocks(chain, table) for chain in (first, second))
            for left, right in _side_by_side(*blocks):
                for tensor in left.keys() & right.keys():
                    found[tensor] = _with_difference(
                        found[tensor], left[tensor], right[tensor]
                    )
        yield from (one for one in found.values() if one.is_one)


def _shapes(table: StoredTable | None) -> dict[str, Shape]:
    """Returns the shape of each tensor of a table; none if there is no table."""
    tensors = tensors_of(table) if table else []
    return {tensor: [table.rows, table.dim] for tensor in tensors if table}


def _have_rows_in_common(*sides: dict[str, Shape]) -> bool:
    return len({shape[1] for side in sides for shape in side.values()}) == 1 and all(
        sides
    )


def _side_by_side(
    first: Iterator[Block], second: Iterator[Block]
) -> Iterator[tuple[Tensors, Tensors]]:
    """Yields the same rows of both, which may be cut into blocks at other places."""
    left = right = None
    while True:
        left = left or _tensors(first)
        right = right or _tensors(second)
        if not left or not right:
            return
        count = min(_rows(left), _rows(right))
        yield _cut(left, 0, count), _cut(right, 0, count)
        left, right = _cut(left, count), _cut(right, count)
        left = left if _rows(left) else None
        right = right if _rows(right) else None


def _tensors(blocks: Iterator[Block]) -> Tensors | None:
    block = next(blocks, None)
    return block.tensors if block else None


def _rows(tensors: Tensors) -> int:
    return len(next(iter(tensors.values())))


def _cut(tensors: Tensors, first: int, last: int | None = None) -> Tensors:
    return {name: rows[first:last] for name, rows in tensors.items()}


def _value_differences(first: SetReader, second: SetReader) -> Iterator[Difference]:
    left, right = _values(first), _values(second)
    for name in sorted({*left, *right}):
        found = Difference(name, _shape(left.get(name)), _shape(right.get(name)))
        if found.first_shape == found.second_shape:
            sides = (values[name].reshape(-1, 1) for values in (left, right))
            found = _with_difference(found, *sides)
        if found.is_one:
            yield found


def _shape(values: np.ndarray | None) -> Shape | None:
    return None if values is None else list(values.shape)


def _values(reader: SetReader) -> dict[str, np.ndarray]:
    names = sorted(reader.value_dtypes())
    tensors = reader.values(names)
    return {n: np.asarray(t) for n, t in zip(names, tensors, strict=True)}


def _said_differences(
    first: SetManifest, second: SetManifest
) -> dict[str, tuple[Any, Any]]:
    said = [
        {f"lineage.{key}": value for key, value in manifest.lineage.items()}
        | {f"state.{key}": value for key, value in manifest.state.items()}
        for manifest in (first, second)
    ]
    pairs = {key: (said[0].get(key), said[1].get(key)) for key in said[0] | said[1]}
    return {key: pair for key, pair in pairs.items() if pair[0] != pair[1]}


def _with_difference(
    found: Difference, left: np.ndarray, right: np.ndarray
) -> Difference:
    """Adds the difference of further rows, [n, dim] each."""
    is_alike = left.dtype == right.dtype
    differs = _bits(left) != _bits(right) if is_alike else left != right
    compared = found.compared + len(left)
    if not differs.any():
        return dataclasses.replace(found, compared=compared)
    largest, not_finite = found.largest, found.not_finite
    if left.dtype.kind in "fiub":
        with np.errstate(invalid="ignore"):  # infinity less infinity
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
