"""Rules between the features and their tables."""

from collections.abc import Iterator, Mapping

from shardline.configs.fault import Fault, feature_part, table_part
from shardline.configs.features import Feature, Features
from shardline.configs.table_rows import needed_rows
from shardline.configs.tables import Vocabulary


def table_faults(
    feature_set: Features, tables: Mapping[str, Vocabulary]
) -> Iterator[Fault]:
    """Yields every fault between features and tables.

    Args:
        feature_set: the features.
        tables: the tables by name.
    """
    yield from _unknown_and_unused(feature_set, tables)
    for name, table in tables.items():
        features = feature_set.features_of(name)
        if features:
            yield from _combiners(name, features)
            yield from _ids_differ(name, features)
            yield from _rows(name, table, next(iter(features.values())))


def _unknown_and_unused(
    feature_set: Features, tables: Mapping[str, Vocabulary]
) -> Iterator[Fault]:
    for name, feature in feature_set.features.items():
        if feature.table not in tables:
            yield feature_part(name).fault(
                f"table `{feature.table}` is not among the tables "
                f"({', '.join(sorted(tables)) or 'there are none'})",
                key="table",
            )
    used = {feature.table for feature in feature_set.features.values()}
    for name in tables:
        if name not in used:
            part = table_part(name)
            yield Fault(
                part.config_path,
                f"{part.who} has no feature",
                "remove it or name it in a feature",
            )


def _combiners(table: str, features: Mapping[str, Feature]) -> Iterator[Fault]:
    combiners = sorted({f.combiner for f in features.values() if f.combiner})
    if len(combiners) > 1:
        yield table_part(table).fault(
            f"its features ask for {' and '.join(combiners)}",
            "a table has one combiner, use two tables",
        )


def _ids_differ(table: str, features: Mapping[str, Feature]) -> Iterator[Fault]:
    (first, feature), *others = features.items()
    for name, other in others:
        if _ids(other) != _ids(feature):
            yield feature_part(name).fault(
                f"its ids ({_ids(other)}) are not those of feature `{first}` "
                f"({_ids(feature)}) on table `{table}`",
                "features of a table share its ids, use two tables",
                key="ids",
            )


def _ids(feature: Feature) -> str:
    dtype = "string" if feature.cross else feature.column_dtype
    return f"{feature.ids} of {dtype}"


def _rows(name: str, table: Vocabulary, feature: Feature) -> Iterator[Fault]:
    """Checks the keys of a table against how its tokens become ids."""
    ids, part = feature.ids, table_part(name)
    useless = {
        "vocabulary": set(),
        "hash": {"min_count", "max_tokens", "oov_rows", "living"},
        "range": {"min_count", "max_tokens", "living"},
        "quantiles": {"min_count", "max_tokens", "oov_rows", "living"},
    }[ids.kind]
    if ids.kind == "range" and ids.out_of_range != "oov_rows":
        useless = useless | {"oov_rows"}
    for key in sorted(useless):
        if getattr(table, key) != Vocabulary.model_fields[key].default:
            message = f"`{key}` has no meaning for `ids: {ids}`"
            yield part.fault(message, "remove it", key=key)
    living = table.living
    if living and living.evict_below and living.evict_below > table.min_count:
        yield part.fault(
            f"a token comes in with a count of {table.min_count} (`min_count`) and "
            f"would go again below {living.evict_below:g} (`evict_below`)",
            "give a smaller `evict_below`, or a larger `min_count`",
            key="living",
        )
    needed = needed_rows(table, ids)
    if table.rows is not None and needed > table.rows:
        yield part.fault(
            f"its ids need {needed} rows, `rows` is {table.rows}",
            "give it more, or its ids fewer",
            key="rows",
        )
