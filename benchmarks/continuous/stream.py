"""MovieLens as a stream: examples in the order of time, tokens told by numbers.

Of each table the tokens are numbered by first sight; who looks them up says which row
a number has at the time.
"""

import zlib
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import tensorflow as tf

from shardline.components.features.graph.outputs import weights_output
from shardline.components.readers.movielens.archive import (
    Rating,
    read_catalog,
    read_ratings,
)
from shardline.components.readers.movielens.examples import COLUMNS, rating_examples
from shardline.configs.schema import Feature, FeatureSet


class Stream:
    """All examples from some time on.

    Attributes:
        times: int64 [examples], seconds since 1970, ascending.
        labels: float32 [examples].
        users: int64 [examples], a number for each user.
        records: string [examples], serialized, with numbers in place of tokens.
        spec: what they hold, as `tf.io.parse_example` takes it.
        tokens: by table, large_binary [tokens].
    """

    def __init__(
        self,
        archive: Path,
        feature_set: FeatureSet,
        label: str,
        history: int,
        begin: int,
    ):
        """Reads the archive.

        Args:
            archive: the MovieLens archive.
            feature_set: the features; all by vocabulary, none crossed.
            label: the column that is predicted.
            history: the most movies in an example's history.
            begin: the first time.
        """
        examples = sorted(_examples(archive, history, begin), key=lambda one: one[:2])
        numbers: dict[str, dict[bytes, int]] = {name: {} for name in feature_set.tables}
        used: dict[str, list[list[int]]] = {name: [] for name in feature_set.tables}
        records = []
        for _, _, example in examples:
            record, tokens = _numbered(example, feature_set, label, numbers)
            records.append(record.SerializeToString())
            for table, lists in used.items():
                lists.append(tokens[table])
        columns = [example.features.feature for _, _, example in examples]
        self.times = np.array([time for time, _, _ in examples], np.int64)
        self.labels = np.array([_floats(of[label])[0] for of in columns], np.float32)
        _, self.users = np.unique(
            [_bytes(of["user_id"])[0] for of in columns], return_inverse=True
        )
        self.records = tf.constant(records)
        self.spec = _spec(feature_set, label)
        self.tokens = {
            table: pa.array(list(known), pa.large_binary())
            for table, known in numbers.items()
        }
        self._ends = {
            table: np.cumsum([0, *map(len, lists)]) for table, lists in used.items()
        }
        self._used = {table: np.concatenate(lists) for table, lists in used.items()}

    def __len__(self) -> int:
        """Returns how many examples there are."""
        return len(self.times)

    def between(self, begin: int, end: int) -> range:
        """Returns the examples from a time on, before another."""
        first, last = np.searchsorted(self.times, [begin, end])
        return range(int(first), int(last))

    def counts(self, part: range) -> dict[str, pa.Table]:
        """Returns how often each token occurs in a part, by table."""
        found = {}
        for table, ends in self._ends.items():
            some = self._used[table][ends[part.start] : ends[part.stop]]
            numbers, counts = np.unique(some.astype(np.int64), return_counts=True)
            token = self.tokens[table].take(pa.array(numbers))
            found[table] = pa.table({"token": token, "count": counts})
        return found


def _examples(archive: Path, history: int, begin: int) -> list[tuple[int, int, Any]]:
    """Returns time, an order among equal times, and example of each rating."""
    by_user = defaultdict[str, list[Rating]](list)
    for rating in read_ratings(str(archive)):
        by_user[rating.user_id].append(rating)
    catalog = read_catalog(str(archive))
    return [
        (
            rating.timestamp,
            zlib.crc32(f"{user} {rating.movie_id}".encode()),
            example,
        )
        for user, ratings in by_user.items()
        for rating, example in rating_examples(user, ratings, catalog, history)
        if rating.timestamp >= begin
    ]


def _numbered(
    example: Any,
    feature_set: FeatureSet,
    label: str,
    numbers: Mapping[str, dict[bytes, int]],
) -> tuple[Any, Mapping[str, list[int]]]:
    """Returns an example with numbers for tokens, and the numbers by table."""
    raw, record = example.features.feature, tf.train.Example()
    of, tokens = record.features.feature, defaultdict[str, list[int]](list)
    of[label].CopyFrom(raw[label])
    for name, feature in feature_set.features.items():
        known = numbers[feature.table]
        ids = [
            known.setdefault(t, len(known)) for t in _bytes(raw[_column(name, feature)])
        ]
        if feature.max_sequence_length:
            ids = ids[-feature.max_sequence_length :]
        of[name].int64_list.value.extend(ids)
        tokens[feature.table].extend(ids)
        if feature.weights:
            of[weights_output(name)].CopyFrom(raw[feature.weights])
    return record, tokens


def _spec(feature_set: FeatureSet, label: str) -> dict[str, Any]:
    spec: dict[str, Any] = {label: tf.io.FixedLenFeature([], tf.float32)}
    for name, feature in feature_set.features.items():
        is_ragged = COLUMNS[_column(name, feature)].ragged
        spec[name] = (
            _ragged(name, tf.int64)
            if is_ragged
            else tf.io.FixedLenFeature([], tf.int64)
        )
        if feature.weights:
            weights = weights_output(name)
            spec[weights] = _ragged(weights, tf.float32)
    return spec


def _ragged(name: str, dtype: tf.DType) -> Any:
    return tf.io.RaggedFeature(dtype, name, row_splits_dtype=tf.int64)


def _column(name: str, feature: Feature) -> str:
    return feature.column or name


def _bytes(feature: Any) -> Any:
    return feature.bytes_list.value


def _floats(feature: Any) -> Any:
    return feature.float_list.value
