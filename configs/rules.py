"""Rules that span features, numbers and tables; each fault names one of them first."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from shardline.configs.column import Column
from shardline.configs.columns import (
    column_conflicts,
    feature_columns,
    lookup_inputs,
    model_inputs,
    raw_columns,
)
from shardline.configs.shown import shown
from shardline.configs.table_rows import needed_rows
from shardline.configs.tables import Vocabulary

if TYPE_CHECKING:
    from shardline.configs.features import Feature, Features, FeatureSet, Target
    from shardline.configs.serving import Serving

# Names of the transformed examples' and the published model's own.
RESERVED = {"example_weight", "examples", "scores"}


def feature_faults(features: "FeatureSet") -> list[str]:
    """Returns every fault between the parts of a feature specification."""
    if not features.features:
        return ["`features` is empty; name at least one feature"]
    return [
        *_unknown_and_unused_tables(features),
        *_names(features),
        *column_conflicts(features),
        *_crosses(features),
        *(f for table in features.tables for f in _table(features, table)),
    ]


def _unknown_and_unused_tables(features: "FeatureSet") -> Iterator[str]:
    for name, feature in features.features.items():
        if feature.table not in features.tables:
            yield (
                f"feature `{name}`: table `{feature.table}` is not among the tables "
                f"({', '.join(sorted(features.tables)) or 'there are none'})"
            )
    used = {feature.table for feature in features.features.values()}
    for name in features.tables:
        if name not in used:
            yield f"table `{name}` has no feature; remove it or name it in a feature"


def _names(features: "FeatureSet") -> Iterator[str]:
    for name in features.numbers:
        if name in features.features:
            yield f"number `{name}` has the name of a feature; rename one of the two"
    for kind, names in (("feature", features.features), ("number", features.numbers)):
        for name in RESERVED & set(names):
            yield (
                f"{kind} `{name}` has a name that has another meaning here "
                f"({', '.join(sorted(RESERVED))}); rename it, and give `column: {name}`"
            )
    columns: dict[str, str] = {}
    for name, column in raw_columns(features).items():
        for given in model_inputs(name, ragged=column.ragged):
            other = columns.setdefault(given, name)
            if other != name:
                yield (
                    f"{reader_of(features, name)}: the published model would call an "
                    f"input `{given}` for column `{shown(name)}` and for column "
                    f"`{shown(other)}`, as all but ASCII letters, digits and `_` "
                    "becomes `_`; rename one of the two in the data"
                )
    yield from _lookup_inputs(features)


def _lookup_inputs(features: "FeatureSet") -> Iterator[str]:
    users: dict[str, str] = {}
    for name, feature in features.features.items():
        for given in lookup_inputs(
            name, ragged=feature.is_ragged, weighted=feature.weights is not None
        ):
            other = users.setdefault(given, name)
            if other != name:
                yield (
                    f"feature `{name}`: the published model's `lookup` would call an "
                    f"input `{given}` for it and for feature `{other}`; rename one of "
                    "the two"
                )


def _crosses(features: "FeatureSet") -> Iterator[str]:
    columns = feature_columns(features)
    for name, feature in features.features.items():
        if not feature.cross:
            continue
        crossed = [columns[column] for column in feature.cross]
        if feature.default is not None and not feature.is_ragged:
            yield f"feature `{name}`: a pair is never missing; leave out `default`"
        for user in _may_miss(features, feature.cross):
            yield (
                f"{user}: what stands in for a missing value has no meaning, for "
                f"feature `{name}` crosses its column, which may not be missing"
            )
        for column, held in zip(feature.cross, crossed, strict=True):
            if held.dtype == "float":
                yield (
                    f"feature `{name}`: floats, as in column `{shown(column)}`, do "
                    "not cross"
                )
        if any(column.ragged for column in crossed) != feature.is_ragged:
            yield (
                f"feature `{name}`: it crosses {crossed[0]} with {crossed[1]}; "
                + ("leave out" if feature.is_ragged else "give")
                + " `combiner` or `max_sequence_length`"
            )


def _may_miss(features: "FeatureSet", columns: tuple[str, str]) -> Iterator[str]:
    for name, feature in features.features.items():
        is_single = not feature.is_ragged and not feature.cross
        if is_single and feature.default is not None:
            if (feature.column or name) in columns:
                yield f"feature `{name}`"
    for name, number in features.numbers.items():
        if number.missing != "error" and (number.column or name) in columns:
            yield f"number `{name}`"


def _table(features: "FeatureSet", table: str) -> Iterator[str]:
    users = features.features_of(table)
    if not users:
        return
    rules = features.tables[table]
    combiners = sorted({f.combiner for f in users.values() if f.combiner})
    if len(combiners) > 1:
        yield (
            f"table `{table}`: its features ask for {' and '.join(combiners)}; a table "
            "has one combiner, use two tables"
        )
    (first, feature), *others = users.items()
    for name, other in others:
        if _ids(other) != _ids(feature):
            yield (
                f"feature `{name}`: its ids ({_ids(other)}) are not those of feature "
                f"`{first}` ({_ids(feature)}) on table `{table}`; features of a table "
                "share its ids, use two tables"
            )
    yield from _rows(table, rules, feature)


def _ids(feature: "Feature") -> str:
    dtype = "string" if feature.cross else feature.column_dtype
    return f"{feature.ids} of {dtype}"


def _rows(table: str, rules: Vocabulary, feature: "Feature") -> Iterator[str]:
    """Checks the keys of a table against how its tokens become ids."""
    ids = feature.ids
    useless = {
        "vocabulary": set(),
        "hash": {"min_count", "max_tokens", "oov_rows"},
        "range": {"min_count", "max_tokens"},
        "quantiles": {"min_count", "max_tokens", "oov_rows"},
    }[ids.kind]
    if ids.kind == "range" and ids.out_of_range != "oov_rows":
        useless = useless | {"oov_rows"}
    for key in sorted(useless):
        if getattr(rules, key) == Vocabulary.model_fields[key].default:
            continue
        yield f"table `{table}`: `{key}` has no meaning for `ids: {ids}`; remove it"
    needed = needed_rows(rules, feature.ids)
    if rules.rows is not None and needed > rules.rows:
        yield (
            f"table `{table}`: its ids need {needed} rows, `rows` is {rules.rows}; "
            "give it more, or its ids fewer"
        )


def target_faults(features: "FeatureSet", target: "Target") -> list[str]:
    """Returns what in label and example weight does not fit the features."""
    faults = []
    for kind, names in (("feature", features.features), ("number", features.numbers)):
        if target.label in names:
            faults.append(
                f"{kind} `{target.label}` has the label's name; rename it if it reads "
                "another column"
            )
    weights = {f"{name}.weights" for name in features.features}
    if target.label in RESERVED | weights:
        faults.append(
            f"data: `label: {shown(target.label)}` is a name that has another meaning "
            "here; rename the column"
        )
    columns = raw_columns(features)
    if target.label in columns and not faults:
        faults.append(
            f"{reader_of(features, target.label)} reads the label's column "
            f"`{shown(target.label)}`, and would give away what is to be predicted"
        )
    weight = target.example_weight
    if weight == target.label:
        faults.append("data: `example_weight` is the label's column")
    elif weight in columns and columns[weight] not in (_FLOAT, _OPTIONAL_FLOAT):
        faults.append(
            f"{reader_of(features, weight)} holds {columns[weight]} in column "
            f"`{shown(weight)}`, and `data.example_weight` one float"
        )
    return faults


_FLOAT = Column("float")
_OPTIONAL_FLOAT = Column("float", optional=True)


def serving_faults(features: "FeatureSet", serving: "Serving") -> list[str]:
    """Returns what is said of serving that does not fit the tables."""
    named = serving.tables if isinstance(serving.tables, dict) else {}
    return [
        f"serving.tables: `{name}` is not among the tables "
        f"({', '.join(sorted(features.tables))})"
        for name in named
        if name not in features.tables
    ]


def reader_of(features: "Features", column: str) -> str:
    """Names a feature or number that reads a column."""
    for name, feature in features.features.items():
        if column in (feature.column or name, feature.weights, *(feature.cross or ())):
            return f"feature `{name}`"
    for name, number in features.numbers.items():
        if column == (number.column or name):
            return f"number `{name}`"
    return "derived"
