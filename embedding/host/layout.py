"""Which host holds and answers which rows, of which tables and features.

`HostLayout` is what an engine on CPU hosts knows before its first batch. `HostLookups`
is what a batch then asks of one host.
"""

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from shardline.embedding.config.shapes import folded_shape, output_shape
from shardline.embedding.config.specs import FeatureSpec, TableSpec
from shardline.embedding.tables import partition


class HostLookups(NamedTuple):
    """What a batch asks of one host: the lookups of its tables, one after the other.

    Attributes:
        rows: int32 [n], rows of the tables, numbered from the host's first row.
        segments: int32 [n], the row of the table's activations that each row adds to.
            The activations of the table's features follow each other.
        coefficients: float32 [n], what each row is multiplied by.
        table_ends: int64 [tables with rows there], where the lookup of each table ends.
    """

    rows: tf.Tensor
    segments: tf.Tensor
    coefficients: tf.Tensor
    table_ends: tf.Tensor


LOOKUP_DTYPES = [tf.int32, tf.int32, tf.float32, tf.int64]


def lookups_from_queue(tensors: Sequence[tf.Tensor]) -> HostLookups:
    """Returns lookups from queue elements, which come without static shapes."""
    lookups = HostLookups(*tensors)
    for column in lookups:
        column.set_shape([None])
    return lookups


SHAPE_REMEDY = "Build with that shape, or pad the batch."


def shape_message(path: str, built: list[int]) -> str:
    """Returns what is said of a batch of another shape, up to that shape.

    Args:
        path: the path of the feature.
        built: the output shape that the engine was built for.
    """
    return (
        f"Feature '{path}': the engine was built for batches of output shape {built}, "
        "got"
    )


@dataclasses.dataclass(frozen=True)
class HostLayout:
    """The features and tables of an engine whose batches have known shapes.

    Attributes:
        features: with their built shapes.
        tables: in the order of their first use.
        hosts: devices that hold the rows, host 0 first.
    """

    features: Sequence[FeatureSpec]
    tables: Sequence[TableSpec]
    hosts: Sequence[str]

    @functools.cached_property
    def shapes(self) -> list[list[int]]:
        """Each feature's output shape: that of its activations without the dim."""
        shapes = []
        for feature in self.features:
            assert feature.built_shape is not None
            shapes.append(feature.built_shape.as_list())
        return shapes

    @functools.cached_property
    def activation_rows(self) -> list[int]:
        """How many rows each feature's activations have."""
        return [tf.TensorShape(shape).num_elements() for shape in self.shapes]

    @functools.cached_property
    def first_rows(self) -> list[list[int]]:
        """Returns for each table the first row on each host that holds rows of it."""
        return [
            partition.first_rows(table.config.vocabulary_size, len(self.hosts))
            for table in self.tables
        ]

    @functools.cached_property
    def table_of_feature(self) -> list[int]:
        """The position of each feature's table."""
        position = {table.name: i for i, table in enumerate(self.tables)}
        return [position[feature.table_name] for feature in self.features]

    @functools.cached_property
    def used_hosts(self) -> list[str]:
        """The hosts that hold rows of any table, host 0 first."""
        return list(self.hosts[: max(len(rows) for rows in self.first_rows)])

    def check_shapes(self, ids: Sequence[Any]) -> None:
        """Checks one replica's batch as far as its static shapes tell.

        How a ragged batch folds is for its lookup to check.

        Raises:
            ValueError: if a batch has another shape than the engine was built for.
        """
        for feature, batch, built in zip(self.features, ids, self.shapes, strict=True):
            if isinstance(batch, tf.RaggedTensor) and folded_shape(feature) is not None:
                continue
            shape = output_shape(feature, batch.shape)
            if not shape.is_compatible_with(built):
                raise ValueError(
                    f"{shape_message(feature.path, built)} {shape.as_list()}. "
                    f"{SHAPE_REMEDY}"
                )

    def tables_on(self, host: int) -> list[int]:
        """Returns the positions of the tables that have rows on a host."""
        return [t for t, rows in enumerate(self.first_rows) if len(rows) > host]

    def features_on(self, host: int) -> list[int]:
        """Returns the positions of the features whose tables have rows on a host."""
        tables = set(self.tables_on(host))
        return [f for f, table in enumerate(self.table_of_feature) if table in tables]

    def table_rows(self, table: int) -> int:
        """Returns the activation rows of all features of a table."""
        return sum(self.activation_rows[f] for f in self.tables[table].features)
