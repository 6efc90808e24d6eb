"""Tables with row trackers, steps of them in numpy, and what a written shard holds."""

import itertools
from typing import Any

import numpy as np
import tensorflow as tf

RATE = 0.1
SLOTS = {"sgd": 0, "adagrad": 1, "adagrad_momentum": 2, "adam": 2, "ftrl": 2}
OPTIONS = {
    "sgd": [0.0] * 5,
    "adagrad": [0.0] * 5,
    "adagrad_momentum": [0.9, 0.99, 0.01, 1e-6, -0.5],
    "adam": [0.9, 0.1, 0.99, 0.01, 1e-6],
    "ftrl": [0.5, 0.0, 0.01, 0.01],
}
UNBOUNDED = [-np.inf, np.inf, -np.inf, np.inf, 0.0]
COLUMNS = ("table", "tensor", "first", "count", "offset", "bytes", "checksum")
_numbers = itertools.count()


class Host:
    """Tables on one host, their slots and trackers, updated by the native op."""

    def __init__(
        self,
        ops: Any,
        tables: list[tuple[int, int, str]],
        *,
        seed: int = 0,
        sum_first: bool = True,
        touch_all_rows: bool = False,
        skip_not_finite: bool = False,
        first_rows: list[int] | None = None,
    ):
        """Takes rows, dim and rule of each table."""
        self.ops, self.tables = ops, tables
        self.rng = np.random.default_rng(seed)
        self.first_rows = first_rows or [0] * len(tables)
        self.flags = [sum_first, touch_all_rows, skip_not_finite, *[False] * 4]
        self.variables = [
            [
                tf.Variable(self.rng.uniform(0.1, 1, (rows, dim)).astype(np.float32))
                for _ in range(1 + SLOTS[rule])
            ]
            for rows, dim, rule in tables
        ]
        self.trackers = [
            ops.shardline_row_tracker(
                shared_name=f"tracker{next(_numbers)}",
                rows=rows,
                dim=dim,
                slots=SLOTS[rule],
            )
            for rows, dim, rule in tables
        ]
        self.touched = [set(range(rows)) for rows, _, _ in tables]

    @property
    def resources(self) -> dict[str, Any]:
        """The inputs that most ops of trackers take."""
        return {
            "tables": [own[0].handle for own in self.variables],
            "slots": [slot.handle for own in self.variables for slot in own[1:]],
            "trackers": self.trackers,
        }

    @property
    def dims(self) -> list[int]:
        """The dims of tables, then of slots."""
        return [dim for _, dim, _ in self.tables] + [
            dim for _, dim, rule in self.tables for _ in range(SLOTS[rule])
        ]

    def step(self, occurrences: int, *, spoil: bool = False) -> list[np.ndarray]:
        """Updates rows, few of them often; returns the rows of each table."""
        rows = [
            np.minimum(self.rng.zipf(1.3, occurrences) - 1, count - 1)
            if self.rng.uniform() < 0.5
            else self.rng.integers(0, count, occurrences)
            for count, _, _ in self.tables
        ]
        gradients = [
            self.rng.normal(size=(occurrences, dim)).astype(np.float32)
            for _, dim, _ in self.tables
        ]
        if spoil:
            for gradient in gradients:
                gradient[self.rng.uniform(size=occurrences) < 0.3, 0] = np.nan
        self.update(rows, gradients)
        for own, of_table, gradient in zip(self.touched, rows, gradients, strict=True):
            spoiled = set(of_table[~np.isfinite(gradient).all(axis=1)].tolist())
            own.update(set(of_table.tolist()) - spoiled)
        if self.flags[1]:
            self.touched = [set(range(rows)) for rows, _, _ in self.tables]
        return rows

    def update(self, rows: list[np.ndarray], gradients: list[np.ndarray]) -> None:
        """Runs the op on rows and the gradient of each occurrence."""
        sizes = [len(of_table) for of_table in rows]
        self.ops.shardline_update(
            rows=[np.concatenate(rows).astype(np.int32)],
            segments=[np.concatenate([np.arange(n) for n in sizes]).astype(np.int32)],
            coefficients=[np.ones(sum(sizes), np.float32)],
            table_ends=[np.cumsum(sizes)],
            gradients=gradients,
            rates=[RATE] * len(rows),
            feature_tables=list(range(len(rows))),
            feature_rows=sizes,
            dims=[dim for _, dim, _ in self.tables],
            rules=[rule for _, _, rule in self.tables],
            options=[
                number
                for _, _, rule in self.tables
                for number in [*UNBOUNDED, *(OPTIONS[rule] + [0.0] * 5)[:5]]
            ],
            flags=self.flags * len(rows),
            **self.resources,
        )

    def counts(self) -> list[int]:
        """How many rows of each table were touched, as the trackers say."""
        return self.ops.shardline_touched_rows(self.trackers).numpy().tolist()

    def set_touched(self, touched: bool) -> None:
        """Sets all rows to touched, or none."""
        self.ops.shardline_set_touched(
            **self.resources, touched=touched, dims=self.dims
        )
        self.touched = [
            set(range(rows)) if touched else set() for rows, _, _ in self.tables
        ]

    def cut(
        self, differential: bool, folder: Any, limit: int = 1 << 30
    ) -> tuple[list[list[np.ndarray]], list[set[int]]]:
        """Begins a cut; returns the values of all tensors, and the rows touched."""
        state = [[tensor.numpy() for tensor in own] for own in self.variables]
        touched, self.touched = self.touched, [set() for _ in self.tables]
        rows = self.ops.shardline_cut(
            **self.resources,
            differential=differential,
            copy_limit_bytes=limit,
            spill_folder=str(folder),
            dims=self.dims,
        )
        expected = [
            len(own) if differential else count
            for own, (count, _, _) in zip(touched, self.tables, strict=True)
        ]
        assert rows.numpy().tolist() == expected
        return state, touched

    def write(self, path: Any) -> list[dict[str, int]]:
        """Writes the cut; returns its pieces."""
        pieces = self.ops.shardline_write_shard(
            **self.resources, path=str(path), first_rows=self.first_rows
        )
        return [
            dict(zip(COLUMNS, piece, strict=True)) for piece in pieces.numpy().tolist()
        ]

    def end(self, succeeded: bool) -> None:
        """Ends the cut."""
        self.ops.shardline_end_cut(
            **self.resources, succeeded=succeeded, dims=self.dims
        )

    def check(
        self,
        content: bytes,
        pieces: list[dict[str, int]],
        state: list[list[np.ndarray]],
        touched: list[set[int]] | None,
    ) -> None:
        """Checks that a file holds the cut, to the bit, and nothing else.

        `touched` has the rows of a differential cut; None stands for a full one.
        """
        assert sum(piece["bytes"] for piece in pieces) == len(content)
        held: dict[tuple[int, int], list[np.ndarray]] = {}
        offset = 0
        for piece in pieces:
            assert piece["offset"] == offset
            offset += piece["bytes"]
            part = content[piece["offset"] : offset]
            own = held.setdefault((piece["table"], piece["tensor"]), [])
            stored = sum(map(len, own))
            shift = 0 if touched else self.first_rows[piece["table"]]
            assert piece["first"] == stored + shift
            if piece["tensor"] < 0:
                own.append(np.frombuffer(part, np.int64))
            else:
                dim = self.tables[piece["table"]][1]
                own.append(np.frombuffer(part, np.float32).reshape(-1, dim))
            assert len(own[-1]) == piece["count"]
        for table, tensors in enumerate(state):
            rows = np.arange(len(tensors[0]))
            if touched is not None:
                rows = np.array(sorted(touched[table]), np.int64)
                numbers = np.concatenate([rows[:0], *held.pop((table, -1), [])])
                np.testing.assert_array_equal(numbers, rows + self.first_rows[table])
            for tensor, values in enumerate(tensors):
                found = held.pop((table, tensor), [])
                found = np.concatenate([values[:0], *found])
                assert found.tobytes() == values[rows].tobytes(), (table, tensor)
        assert not held
