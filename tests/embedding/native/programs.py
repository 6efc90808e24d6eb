"""Draws what the native ops may be called with, and says in numpy what must come out.

A program is a set of tables over hosts with their features, as the attributes of the
ops have it. A batch of it is a list of entries for each feature, made into tensors for
`ShardlinePartition` and into terms for the reference: (activation row of the table,
row of the table, coefficient), in the order in which they are summed.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

# On both sides of the widths in which the kernels take columns.
DIMS = (1, 3, 4, 16, 17, 64, 65, 100, 300)
COMBINERS = ("sum", "mean", "sqrtn")
POLICIES = ("error", "drop", "oov_row")
BAD_IDS = {np.int32: (-1, -(2**31), 2**31 - 1), np.int64: (-1, 2**40, -(2**63))}
BAD_WEIGHTS = (np.nan, np.inf, -np.inf)


class Entry(NamedTuple):
    """One id of a batch. `column` is that of a sparse tensor, `weight` is float32."""

    example: int
    column: int
    id: int
    weight: np.float32


@dataclass(frozen=True)
class Table:
    """A table, and the first of its rows on each host that holds some."""

    name: str
    rows: int
    dim: int
    combiner: str
    policy: str
    first_rows: tuple[int, ...]

    def rows_on(self, host: int) -> int:
        """Returns how many rows a host holds."""
        return int(np.diff([*self.first_rows, self.rows])[host])


@dataclass(frozen=True)
class Feature:
    """A feature: `leading` is the shape of its examples, `kept` as the op has it.

    `length` is how many ids of an example keep a row each, 0 if examples are pooled.
    """

    table: int
    kind: str
    leading: tuple[int, ...]
    length: int
    kept: int
    output_shape: tuple[int, ...]
    weighted: bool
    validate: bool
    dtype: type

    @property
    def examples(self) -> int:
        """How many examples a batch has."""
        return int(np.prod(self.leading))

    @property
    def rows(self) -> int:
        """How many activation rows a batch has."""
        return int(np.prod(self.output_shape))


@dataclass(frozen=True)
class Program:
    """Tables and features over a number of hosts."""

    hosts: int
    tables: list[Table]
    features: list[Feature]

    def tables_on(self, host: int) -> list[int]:
        """Returns the tables that have rows on a host."""
        return [t for t, own in enumerate(self.tables) if len(own.first_rows) > host]

    def features_on(self, host: int) -> list[int]:
        """Returns the features of these tables."""
        own = self.tables_on(host)
        return [f for f, feature in enumerate(self.features) if feature.table in own]

    def rows_of(self, table: int) -> int:
        """Returns the activation rows of all features of a table."""
        return sum(f.rows for f in self.features if f.table == table)

    def first_segments(self) -> list[int]:
        """Returns where each feature's activations begin among its table's."""
        next_row = [0] * len(self.tables)
        firsts = []
        for feature in self.features:
            firsts.append(next_row[feature.table])
            next_row[feature.table] += feature.rows
        return firsts

    def partition_attributes(self) -> dict[str, Any]:
        """Returns the attributes of `ShardlinePartition`."""
        features, tables = self.features, self.tables
        return {
            "hosts": self.hosts,
            "paths": [f"feature{f}" for f in range(len(features))],
            "kinds": [feature.kind for feature in features],
            "is_weighted": [feature.weighted for feature in features],
            "validate": [feature.validate for feature in features],
            "kept": [feature.kept for feature in features],
            "output_shapes": [feature.output_shape for feature in features],
            "feature_tables": [feature.table for feature in features],
            "table_names": [table.name for table in tables],
            "combiners": [table.combiner for table in tables],
            "policies": [table.policy for table in tables],
            "vocabulary_sizes": [table.rows for table in tables],
            "host_counts": [len(table.first_rows) for table in tables],
            "first_rows": [row for table in tables for row in table.first_rows],
        }

    def sizes(self, host: int) -> dict[str, list[int]]:
        """Returns the attributes that lookup and update share on a host."""
        own, features = self.tables_on(host), self.features_on(host)
        return {
            "feature_tables": [own.index(self.features[f].table) for f in features],
            "feature_rows": [self.features[f].rows for f in features],
            "dims": [self.tables[t].dim for t in own],
        }


def draw_program(rng: np.random.Generator, scale: int = 1) -> Program:
    """Draws a program; `scale` multiplies the number of examples."""
    hosts = int(rng.integers(1, 5))
    tables = [_draw_table(rng, f"table{t}", hosts) for t in range(rng.integers(1, 4))]
    # Tables without a feature, and several features of a table in any order.
    features = [
        _draw_feature(rng, int(rng.integers(len(tables))), scale)
        for _ in range(rng.integers(1, 6))
    ]
    return Program(hosts, tables, features)


def _draw_table(rng: np.random.Generator, name: str, hosts: int) -> Table:
    rows = int(rng.choice([1, 2, 7, 40, 3000]))
    cuts = rng.choice(np.arange(1, rows), min(hosts, rows) - 1, replace=False)
    dim = int(rng.choice(DIMS))
    combiner, policy = str(rng.choice(COMBINERS)), str(rng.choice(POLICIES))
    return Table(name, rows, dim, combiner, policy, (0, *sorted(map(int, cuts))))


def _draw_feature(rng: np.random.Generator, table: int, scale: int) -> Feature:
    kind = str(rng.choice(["dense", "ragged", "sparse"]))
    examples = int(rng.choice([0, 1, 5, 12])) * scale
    leading: tuple[int, ...] = (examples,)
    if kind != "ragged" and rng.uniform() < 0.3:
        leading = (examples, int(rng.integers(1, 4)))
    length = int(rng.choice([0, 0, 1, 2, 4])) if kind != "dense" else 0
    output_shape = (*leading, length) if length else leading
    kept = length
    if kind == "ragged" and examples and rng.uniform() < 0.3:
        # As for batches of unknown size: from the output shape, folded. One row an
        # example is then a pooled example.
        length = 0 if length == 1 else length
        kept, output_shape = -1, (1, examples * max(length, 1))
    weighted = kind != "dense" and rng.uniform() < 0.5
    dtype = np.int32 if rng.uniform() < 0.5 else np.int64
    validate = rng.uniform() < 0.8
    return Feature(
        *(table, kind, leading, length, kept, output_shape, weighted, validate, dtype)
    )


def draw_entries(rng: np.random.Generator, program: Program) -> list[list[Entry]]:
    """Draws a batch: for each feature its entries, as they stand in its tensors."""
    return [_draw_entries(rng, program, feature) for feature in program.features]


def _draw_entries(
    rng: np.random.Generator, program: Program, feature: Feature
) -> list[Entry]:
    table = program.tables[feature.table]
    sizes = np.ones(feature.examples, int)
    if feature.kind != "dense":
        sizes = rng.integers(0, 6, feature.examples)
        sizes[rng.uniform(size=feature.examples) < 0.2] = 0
    # Few ids: one comes up often.
    ids = np.minimum(rng.integers(0, table.rows, sizes.sum()), table.rows // 2 + 1)
    ids = np.minimum(ids, table.rows - 1).astype(object)
    weights = rng.uniform(0, 2, len(ids)).astype(np.float32)
    weights[rng.uniform(size=len(ids)) < 0.2] = 0
    if table.combiner == "sum":
        weights *= rng.choice([-1, 1], len(ids)).astype(np.float32)
    else:
        # Of any size: denormal numbers, and such whose squares leave float32.
        weights *= np.float32(rng.choice([1, 1, 1e-42, 1e-30, 1e20, 1e38]))
    if feature.validate and table.policy != "error":
        spoiled = rng.uniform(size=len(ids)) < 0.1
        ids[spoiled] = rng.choice(BAD_IDS[feature.dtype], spoiled.sum())
        spoiled = rng.uniform(size=len(ids)) < 0.1
        weights[spoiled] = rng.choice(BAD_WEIGHTS, spoiled.sum())
    examples = np.repeat(np.arange(feature.examples), sizes)
    columns = np.arange(len(ids)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    if not feature.weighted:
        weights[:] = 1
    entries = [
        Entry(int(example), int(2 * column), int(row), weight)
        for example, column, row, weight in zip(
            examples, columns, ids, weights, strict=True
        )
    ]
    if feature.kind == "sparse" and rng.uniform() < 0.5:
        entries = [entries[place] for place in rng.permutation(len(entries))]
    return entries


def partition_inputs(
    program: Program, batch: list[list[Entry]]
) -> dict[str, list[np.ndarray]]:
    """Returns a batch as `ShardlinePartition` takes it."""
    inputs: dict[str, list[np.ndarray]] = {"ids": [], "positions": [], "weights": []}
    for feature, entries in zip(program.features, batch, strict=True):
        ids = np.array([entry.id for entry in entries], feature.dtype)
        positions = _positions(feature, entries)
        if feature.weighted:
            weights = np.array([entry.weight for entry in entries], np.float32)
            inputs["weights"].append(weights)
            positions += [positions[0].copy()] * feature.validate
        if feature.kind == "dense" and len(feature.leading) > 1:
            ids = ids.reshape(*feature.leading, 1)
        inputs["ids"].append(ids)
        inputs["positions"] += positions
    return inputs


def _positions(feature: Feature, entries: list[Entry]) -> list[np.ndarray]:
    if feature.kind == "dense":
        return []
    examples = np.array([entry.example for entry in entries], np.int64)
    if feature.kind == "ragged":
        sizes = np.bincount(examples, minlength=feature.examples)
        return [np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)]
    columns = np.array([entry.column for entry in entries], np.int64)
    indices = np.stack([*np.unravel_index(examples, feature.leading), columns], axis=1)
    width = columns.max(initial=0) + 1
    return [indices, np.array([*feature.leading, width], np.int64)]


class Terms(NamedTuple):
    """The terms of a table on a host, in order."""

    rows: np.ndarray
    segments: np.ndarray
    coefficients: np.ndarray


def terms(program: Program, batch: list[list[Entry]]) -> list[list[Terms]]:
    """Returns what the partition must find, by host and the tables on it."""
    by_table: list[list[tuple[int, int, float]]] = [[] for _ in program.tables]
    firsts = program.first_segments()
    for feature, entries, first in zip(program.features, batch, firsts, strict=True):
        found = _terms(feature, program.tables[feature.table], entries)
        by_table[feature.table] += [(first + s, row, c) for s, row, c in found]
    hosts: list[list[Terms]] = [[] for _ in range(program.hosts)]
    for table, found in zip(program.tables, by_table, strict=True):
        segments, rows, coefficients = (
            np.array([term[part] for term in found]) for part in range(3)
        )
        host_of = np.searchsorted(table.first_rows, rows, side="right") - 1
        for host, first_row in enumerate(table.first_rows):
            own = host_of == host
            hosts[host].append(
                Terms(rows[own] - first_row, segments[own], coefficients[own])
            )
    return hosts


def _terms(
    feature: Feature, table: Table, entries: list[Entry]
) -> list[tuple[int, int, float]]:
    """Returns one feature's terms: (activation row, row, coefficient)."""
    bags: dict[int, list[tuple[int | None, float]]] = {}
    seen = [0] * feature.examples
    for entry in entries:
        place = seen[entry.example]
        seen[entry.example] += 1
        if feature.kind == "sparse":
            place = entry.column
        if place < feature.length or not feature.length:
            bag = entry.example * max(feature.length, 1)
            bag += place if feature.length else 0
            row = _row(feature, table, entry)
            bags.setdefault(bag, []).append((row, float(entry.weight)))
    found = []
    for bag, pairs in sorted(bags.items()):
        used = [(row, weight) for row, weight in pairs if row is not None]
        norm = 1.0
        if table.combiner == "mean":
            norm = sum(weight for _, weight in used)
        elif table.combiner == "sqrtn":
            norm = np.sqrt(sum(weight**2 for _, weight in used))
        for row, weight in used:
            pooled = weight / norm if norm else 0.0
            found.append((bag, row, 1.0 if feature.length else pooled))
    return found


def _row(feature: Feature, table: Table, entry: Entry) -> int | None:
    usable = np.isfinite(entry.weight) and (
        table.combiner == "sum" or entry.weight >= 0
    )
    if feature.validate and not usable:
        return None
    if 0 <= entry.id < table.rows:
        return entry.id
    return table.rows - 1 if table.policy == "oov_row" else None


def variables(program: Program, seed: int) -> list[list[tf.Variable]]:
    """Returns the shares of every table, by host and the tables on it."""
    rng = np.random.default_rng(seed)
    return [
        [
            tf.Variable(
                rng.normal(
                    size=(program.tables[t].rows_on(host), program.tables[t].dim)
                ).astype(np.float32)
            )
            for t in program.tables_on(host)
        ]
        for host in range(program.hosts)
    ]


def handles(own: list[tf.Variable]) -> list[tf.Tensor]:
    """Returns variables as the ops take them."""
    return [variable.handle for variable in own]
