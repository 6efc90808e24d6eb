"""Leaves what was erased out of serialized tf.Examples.

An example whose single value was erased is dropped. Of a column with any number of
values, the value is removed, and its weights with it.
"""

import dataclasses
from collections.abc import Container, Mapping
from typing import Any, NamedTuple


@dataclasses.dataclass(frozen=True)
class ColumnErasure:
    """What is erased from a column.

    Attributes:
        tokens: what is erased; whole numbers in decimal.
        ragged: whether an example may hold any number of values.
        weights: columns with a weight for each value.
    """

    tokens: Container[bytes]
    ragged: bool
    weights: tuple[str, ...] = ()


class Left(NamedTuple):
    """What is left of an example.

    Attributes:
        serialized: the example; None if it is dropped.
        values: how many values were removed from it.
    """

    serialized: bytes | None
    values: int = 0


@dataclasses.dataclass(frozen=True)
class Erasure:
    """What is erased from examples.

    Attributes:
        columns: by raw column.
        distinctive: what is removed, too, from columns that nothing reads.
        read: the columns that something reads.
    """

    columns: Mapping[str, ColumnErasure]
    distinctive: Container[bytes] = frozenset()
    read: frozenset[str] = frozenset()

    def left_of(self, serialized: bytes) -> Left:
        """Returns what is left of an example; the very bytes if nothing is erased.

        Args:
            serialized: a tf.Example.
        """
        from tensorflow.core.example.example_pb2 import Example

        example = Example.FromString(serialized)
        features = example.features.feature
        removed = 0
        for name in list(features):
            erasure = self.columns.get(name)
            if erasure is None:
                if name not in self.read:
                    removed += _removed(features, name, self.distinctive, ())
            elif erasure.ragged:
                removed += _removed(features, name, erasure.tokens, erasure.weights)
            elif any(token in erasure.tokens for token in tokens_of(features[name])):
                return Left(None)
        if not removed:
            return Left(serialized)
        return Left(example.SerializeToString(deterministic=True), removed)

    def touches(self, serialized: bytes) -> bool:
        """Returns whether something of an example is erased."""
        return self.left_of(serialized) != Left(serialized)


def tokens_of(feature: Any) -> list[bytes]:
    """Returns the values of a column of an example as tokens; none for floats.

    Args:
        feature: a tf.train.Feature.
    """
    if feature.HasField("int64_list"):
        return [b"%d" % value for value in feature.int64_list.value]
    return list(feature.bytes_list.value)


def _removed(
    features: Any, name: str, tokens: Container[bytes], weights: tuple[str, ...]
) -> int:
    """Removes values from a column, and their weights; returns how many."""
    values = tokens_of(features[name])
    kept = [place for place, value in enumerate(values) if value not in tokens]
    if len(kept) == len(values):
        return 0
    for column in (name, *weights):
        if column in features:
            kind = features[column].WhichOneof("kind")
            held = getattr(features[column], kind).value if kind else []
            if len(held) == len(values):
                held[:] = [held[place] for place in kept]
    return len(values) - len(kept)
