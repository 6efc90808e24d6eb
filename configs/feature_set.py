"""A feature set: the id features, numbers and tables of a run, checked together.

What is to be known of a feature is written here once; schema, preprocessing, engine,
model inputs and serving signatures follow from it. Sizes of vocabularies are never
written: they are counted from the training examples.
"""

from pydantic import model_validator

from shardline.configs.fault import Fault
from shardline.configs.feature_rules import (
    column_conflicts,
    cross_faults,
    name_faults,
)
from shardline.configs.features import Features, Target
from shardline.configs.input_rules import input_faults
from shardline.configs.living import Living
from shardline.configs.section import Name, cross_section_error
from shardline.configs.table_rules import table_faults
from shardline.configs.tables import Table, Vocabulary


class Preprocessing(Features):
    """What of a feature set the transform graph needs, and nothing else."""

    vocabularies: dict[Name, Vocabulary]
    target: Target

    def with_living(self) -> "Preprocessing":
        """Returns it for data in spans, where every vocabulary lives."""
        vocabularies = {
            name: table.model_copy(update={"living": table.living or Living()})
            if self.ids_of(name).kind == "vocabulary"
            else table
            for name, table in self.vocabularies.items()
        }
        return self.model_copy(update={"vocabularies": vocabularies})


class FeatureSet(Features):
    """The features and their tables: the one contract of all components."""

    tables: dict[Name, Table]

    def preprocessing(self, target: Target) -> Preprocessing:
        """Returns what the transform graph needs of this feature set.

        Args:
            target: label and example weight, which the graph hands on.
        """
        kept = set(Vocabulary.model_fields)
        vocabularies = {
            name: Vocabulary(**table.model_dump(include=kept))
            for name, table in self.tables.items()
        }
        return Preprocessing(
            features=self.features,
            numbers=self.numbers,
            derived=self.derived,
            vocabularies=vocabularies,
            target=target,
        )

    def combiner_of(self, table: str) -> str:
        """Returns how a table's features pool; "sum" if none of them does."""
        combiners = (f.combiner for f in self.features_of(table).values())
        return next((combiner for combiner in combiners if combiner), "sum")

    @model_validator(mode="after")
    def _features_and_tables_fit(self) -> "FeatureSet":
        faults = self._faults()
        if faults:
            raise cross_section_error(faults)
        return self

    def _faults(self) -> list[Fault]:
        """Returns every fault between features, numbers and tables."""
        if not self.features:
            message, remedy = "`features` is empty", "name at least one feature"
            return [Fault(("features",), message, remedy)]
        return [
            *name_faults(self),
            *input_faults(self),
            *column_conflicts(self),
            *cross_faults(self),
            *table_faults(self, self.tables),
        ]
