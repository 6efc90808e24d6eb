"""Which raw columns hold the tokens of a table."""

from shardline.configs.columns import feature_columns, raw_columns
from shardline.configs.features import Features
from shardline.configs.section import Section


class ErasableColumn(Section):
    """A raw column whose values are tokens of tables.

    Attributes:
        tables: those that features look its values up in.
        ragged: whether an example may hold any number of values. Of those, erased ones
            are removed; an example with an erased single value is dropped.
        weights: columns with a weight for each value, which are removed with it.
    """

    tables: tuple[str, ...]
    ragged: bool
    weights: tuple[str, ...] = ()


def erasable_columns(features: Features) -> dict[str, ErasableColumn]:
    """Returns the raw columns that hold tokens, by name.

    Columns that a function of the user's own reads count for every table whose features
    read what it makes. Crossed columns have no table of their own: what is erased from
    them is what other features read there.

    Args:
        features: the id features, numbers and derived columns.
    """
    raw, derived = raw_columns(features), features.derived
    tables: dict[str, set[str]] = {}
    weights: dict[str, set[str]] = {}
    for name, feature in features.features.items():
        if feature.cross or feature.ids.kind == "quantiles":
            continue
        column = feature.column or name
        if column in raw:
            tables.setdefault(column, set()).add(feature.table)
            if feature.weights and feature.weights in raw:
                weights.setdefault(column, set()).add(feature.weights)
        elif derived:
            for source, held in derived.inputs.items():
                if held.dtype != "float":
                    tables.setdefault(source, set()).add(feature.table)
    return {
        column: ErasableColumn(
            tables=tuple(sorted(tables[column])),
            ragged=raw[column].ragged,
            weights=tuple(sorted(weights.get(column, ()))),
        )
        for column in sorted(tables)
    }


def read_columns(features: Features, *others: str | None) -> set[str]:
    """Returns all raw columns that a run reads: elsewhere nothing asks for a value.

    Args:
        features: the id features, numbers and derived columns.
        others: columns that something else reads, such as the label.
    """
    return {*raw_columns(features), *feature_columns(features), *filter(None, others)}
