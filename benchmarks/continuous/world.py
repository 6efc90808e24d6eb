"""A small world of users and items that drifts from month to month, and its faults.

Who likes what follows from hidden tastes, which change a little each month, and new
users and items come in. A span is a month's examples, drawn from what holds then.
"""

import calendar
import dataclasses
import datetime
import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from shardline.components.contracts.spans.profile import ColumnProfile, SpanProfile
from shardline.components.readers.example_reader import Column

COLUMNS = {
    "label": Column("float"),
    "user": Column("string"),
    "item": Column("string"),
    "genre": Column("string"),
    "page": Column("string"),
    "history": Column("string", ragged=True),
    "time": Column("int64"),
}
_HISTORY = 8
_GENRES = 8
_PAGES = 5

Row = dict[str, list[Any]]


@dataclasses.dataclass(frozen=True)
class World:
    """The world.

    Attributes:
        seed: of everything in it.
        examples: in a span.
        users: in the first span; one in twenty comes anew in each.
        items: likewise.
        dim: of tastes.
    """

    seed: int
    examples: int = 4_000
    users: int = 150
    items: int = 100
    dim: int = 3

    def span(self, month: int, *, again: int = 0) -> list[Row]:
        """Returns the examples of a month, in the order of time.

        Args:
            month: 1 to 12.
            again: another draw of the same month.
        """
        draw = np.random.default_rng([self.seed, month, again])
        tastes = self._drifted("users", self.users, month)
        traits = self._drifted("items", self.items, month)
        users = draw.integers(len(tastes), size=self.examples)
        # An item keeps its popularity, and new ones come in anywhere.
        popularity = 1 / (5 + self._draw("ranks").permutation(4 * self.items))
        chances = popularity[: len(traits)] / popularity[: len(traits)].sum()
        items = draw.choice(len(traits), size=self.examples, p=chances)
        match = np.einsum("ij,ij->i", tastes[users], traits[items])
        odds = 1.2 * match + traits[items, 0] - 0.5
        labels = draw.random(self.examples) < 1 / (1 + np.exp(-odds))
        start, seconds = month_seconds(month)
        times = np.sort(draw.integers(seconds, size=self.examples)) + start
        genres = self._draw("genres").integers(_GENRES, size=4 * self.items)
        pages = draw.integers(_PAGES, size=self.examples)
        liked: dict[int, list[str]] = {}
        rows: list[Row] = []
        for user, item, label, time, page in zip(
            users.tolist(),
            items.tolist(),
            labels.tolist(),
            times.tolist(),
            pages.tolist(),
            strict=True,
        ):
            past = liked.setdefault(user, [])
            rows.append(
                {
                    "label": [float(label)],
                    "user": [f"u{user}"],
                    "item": [f"i{item}"],
                    "genre": [f"g{genres[item]}"],
                    "page": [f"p{page}"],
                    "history": past[-_HISTORY:],
                    "time": [time],
                }
            )
            if label:
                past.append(f"i{item}")
        return rows

    def _draw(self, of: str) -> np.random.Generator:
        digest = hashlib.sha256(of.encode()).digest()
        return np.random.default_rng([self.seed, *digest[:4]])

    def _drifted(self, of: str, count: int, month: int) -> np.ndarray:
        """Returns hidden vectors of a month: float64 [those that are there, dim]."""
        draw = self._draw(of)
        there = count + month * count // 20
        vectors = draw.normal(size=(4 * count, self.dim))
        for _ in range(month):
            vectors += 0.1 * draw.normal(size=vectors.shape)
        return vectors[:there]


def month_seconds(month: int) -> tuple[int, int]:
    """Returns a month of 2026: its first second, from 1970 on, and its seconds."""
    first = datetime.datetime(2026, month, 1, tzinfo=datetime.UTC)
    days = calendar.monthrange(2026, month)[1]
    return int(first.timestamp()), days * 86_400


def serialized(rows: list[Row]) -> list[bytes]:
    """Returns rows as tf.Examples."""
    return [_example(row).SerializeToString() for row in rows]


def _example(row: Row) -> tf.train.Example:
    example = tf.train.Example()
    for name, values in row.items():
        feature = example.features.feature[name]
        if COLUMNS[name].dtype == "float":
            feature.float_list.value.extend(values)
        elif COLUMNS[name].dtype == "int64":
            feature.int64_list.value.extend(values)
        else:
            feature.bytes_list.value.extend(value.encode() for value in values)
    return example


def profile_of(rows: list[Row]) -> SpanProfile:
    """Returns what a span is like."""
    contents = sorted(hashlib.sha256(one).digest() for one in serialized(rows))
    return SpanProfile(
        examples=len(rows),
        content=hashlib.sha256(b"".join(contents)).hexdigest(),
        label_mean=float(np.mean([row["label"][0] for row in rows])),
        columns={name: _column(rows, name) for name in COLUMNS},
        earliest=min(row["time"][0] for row in rows),
        latest=max(row["time"][0] for row in rows),
    )


def _column(rows: list[Row], name: str) -> ColumnProfile:
    values = [value for row in rows for value in row.get(name, [])]
    is_float = COLUMNS[name].dtype == "float"
    return ColumnProfile(
        filled=sum(bool(row.get(name)) for row in rows) / len(rows),
        values=len(values) / len(rows),
        distinct=None if is_float else len({*values}),
    )


def with_shifted_labels(rows: list[Row], seed: int) -> list[Row]:
    """Returns rows of which half of the negatives have become positive."""
    draw = np.random.default_rng(seed)
    return [
        row | {"label": [max(row["label"][0], float(draw.random() < 0.5))]}
        for row in rows
    ]


def with_leaked_labels(rows: list[Row], seed: int) -> list[Row]:
    """Returns rows whose page tells the label, nearly always."""
    draw = np.random.default_rng(seed)
    return [
        row | {"page": [f"p{int(row['label'][0])}"]} if draw.random() < 0.95 else row
        for row in rows
    ]


def without(column: str) -> Callable[[list[Row]], list[Row]]:
    """Returns what empties a column."""
    return lambda rows: [row | {column: []} for row in rows]
