"""Rules between vocabularies that live and data in spans."""

from collections.abc import Iterator

from shardline.configs.fault import Fault, table_part
from shardline.configs.feature_set import FeatureSet


def living_faults(feature_set: FeatureSet, *, in_spans: bool) -> Iterator[Fault]:
    """Yields what is said of tables that does not fit how the data comes.

    Args:
        feature_set: the tables, each of which has a feature.
        in_spans: whether the data comes in spans.
    """
    for name, table in feature_set.tables.items():
        part = table_part(name)
        if feature_set.ids_of(name).kind != "vocabulary":
            continue
        if table.living and not in_spans:
            yield part.fault(
                "a vocabulary lives from span to span, and the data has none",
                "give `data.spans`, or leave `living` out",
                key="living",
            )
        for key in ("rows", "max_tokens"):
            if in_spans and getattr(table, key) is not None:
                yield part.fault(
                    f"`{key}` has no meaning where data comes in spans, for the "
                    "vocabulary lives",
                    "give `living.capacity`, or nothing to let it grow",
                    key=key,
                )
