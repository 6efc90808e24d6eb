"""Rules between a feature set and the rest of a job: target, training and serving."""

from collections.abc import Iterator

from shardline.configs.column import Column
from shardline.configs.columns import raw_columns, reader_of
from shardline.configs.fault import (
    Fault,
    Part,
    feature_part,
    number_part,
    table_part,
)
from shardline.configs.feature_rules import RESERVED
from shardline.configs.feature_set import FeatureSet
from shardline.configs.features import Target
from shardline.configs.serving import Serving
from shardline.configs.shown import shown
from shardline.configs.training import Training

_DATA = Part("data", ("data",))
_WEIGHTS = (Column("float"), Column("float", optional=True))


def target_faults(feature_set: FeatureSet, target: Target) -> Iterator[Fault]:
    """Yields what in label and example weight does not fit the features.

    Args:
        feature_set: the features and numbers.
        target: label and example weight.
    """
    columns = raw_columns(feature_set)
    taken = list(_taken_labels(feature_set, target))
    yield from taken
    if target.label in columns and not taken:
        reader = reader_of(feature_set, target.label)
        yield Fault(
            reader.config_path,
            f"{reader.who} reads the label's column `{shown(target.label)}`, and would "
            "give away what is to be predicted",
        )
    weight = target.example_weight
    if weight == target.label:
        yield _DATA.fault("`example_weight` is the label's column")
    elif weight in columns and columns[weight] not in _WEIGHTS:
        reader = reader_of(feature_set, weight)
        yield Fault(
            reader.config_path,
            f"{reader.who} holds {columns[weight]} in column `{shown(weight)}`, and "
            "`data.example_weight` one float",
        )


def _taken_labels(feature_set: FeatureSet, target: Target) -> Iterator[Fault]:
    """Yields what has the label's name already."""
    for part, names in (
        (feature_part(target.label), feature_set.features),
        (number_part(target.label), feature_set.numbers),
    ):
        if target.label in names:
            yield Fault(
                part.config_path,
                f"{part.who} has the label's name",
                "rename it if it reads another column",
            )
    weights = {f"{name}.weights" for name in feature_set.features}
    if target.label in RESERVED | weights:
        yield _DATA.fault(
            f"`label: {shown(target.label)}` is a name that has another meaning here",
            "rename the column",
        )


def training_faults(
    feature_set: FeatureSet, training: Training | None
) -> Iterator[Fault]:
    """Yields policies of tables that a TPU cannot follow.

    Args:
        feature_set: the tables.
        training: where it runs; None: nothing is trained.
    """
    if training is None or training.tpu is None:
        return
    for name, table in feature_set.tables.items():
        if table.policy != "error":
            yield table_part(name).fault(
                f"a TPU takes no ids but those of rows, and `policy: {table.policy}` "
                "lets others pass",
                "leave `policy` out, which refuses them before they reach the TPU, or "
                "train on `hosts` or a `cluster`",
                key="policy",
            )


def serving_faults(feature_set: FeatureSet, serving: Serving) -> Iterator[Fault]:
    """Yields what is said of serving that does not fit the tables.

    Args:
        feature_set: the tables.
        serving: how the exported model holds them.
    """
    part = Part("serving.tables", ("serving", "tables"))
    for name in serving.tables if isinstance(serving.tables, dict) else {}:
        if name not in feature_set.tables:
            yield part.fault(
                f"`{name}` is not among the tables "
                f"({', '.join(sorted(feature_set.tables))})",
                key=name,
            )
