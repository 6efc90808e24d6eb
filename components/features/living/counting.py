"""Which spans an update counts, and the vocabularies that it goes on from."""

import dataclasses
from collections.abc import Iterable, Mapping

from shardline.components.contracts.living_state import VocabularyError, read_state
from shardline.components.contracts.living_vocabulary import (
    LivingVocabularies,
    load_vocabularies,
)
from shardline.components.contracts.spans.plan import SpanPlan
from shardline.components.features.living.files import check_table
from shardline.components.features.living.update import Before, check_capacity
from shardline.configs.schema import Living, Preprocessing


@dataclasses.dataclass(frozen=True)
class Counting:
    """What is counted into vocabularies.

    Attributes:
        ages: by name of a span, as sources have it, the age of the vocabularies once
            it is counted; oldest first. Other spans are not counted.
        folder: of the LivingVocabulary to go on from; None: they begin.
        base: what that one says of itself.
        spans: all that are in the vocabularies then, as lineage names them.
    """

    ages: Mapping[str, int]
    folder: str | None = None
    base: LivingVocabularies | None = None
    spans: tuple[str, ...] = ()

    @property
    def age(self) -> int:
        """The age of the vocabularies once all is counted."""
        return max(self.ages.values(), default=self.base.updates if self.base else 0)

    def before(self, table: str) -> Before:
        """Returns the vocabulary of a table that an update goes on from.

        Args:
            table: its name; one that is not in the base begins.
        """
        if self.base is None or self.folder is None or table not in self.base.tables:
            return Before(age=self.base.updates if self.base else 0)
        return Before(
            read_state(self.folder, table),
            self.base.tables[table].capacity,
            self.base.updates,
        )


def counting_of_spans(names: Iterable[str]) -> Counting:
    """Returns that vocabularies begin with some spans, in their order."""
    ages = {name: age for age, name in enumerate(names, 1)}
    return Counting(ages, spans=tuple(ages))


def counting_of_plan(plan: SpanPlan, preprocessing: Preprocessing) -> Counting:
    """Returns what a planned run counts: spans that its base has not counted yet.

    Args:
        plan: what the run trains.
        preprocessing: the features and tables; all vocabularies live.

    Raises:
        VocabularyError: if the vocabularies of the base are gone, damaged, of other
            tables, or larger than the configuration lets them be.
    """
    folder = plan.base.vocabularies if plan.base else None
    base = _checked_base(folder, preprocessing) if folder else None
    known = base.spans if base else ()
    age, ages = base.updates if base else 0, {}
    for planned in plan.train:
        name = str(planned)
        if name in plan.new and name not in known:
            # The head was counted before, and they are one span.
            age += planned.part != "tail"
            ages[name] = age
    return Counting(ages, folder, base, (*known, *ages))


def columns_of(preprocessing: Preprocessing, table: str) -> tuple[str, ...]:
    """Returns the raw columns that the tokens of a table come from."""
    features = preprocessing.features_of(table).items()
    columns = {
        " x ".join(feature.cross) if feature.cross else feature.column or name
        for name, feature in features
    }
    return tuple(sorted(columns))


def _checked_base(folder: str, preprocessing: Preprocessing) -> LivingVocabularies:
    """Reads the vocabularies of a base, if they are of this configuration and whole."""
    try:
        base = load_vocabularies(folder)
    except FileNotFoundError as error:
        raise VocabularyError(
            f"{folder} holds no living vocabularies, and training was to go on from "
            "them. Bring the folder back, or publish to another folder, to begin anew."
        ) from error
    tables = [
        table
        for table in preprocessing.vocabularies
        if preprocessing.ids_of(table).kind == "vocabulary"
    ]
    if tables and not set(tables) & set(base.tables):
        raise VocabularyError(
            f"{folder} holds vocabularies of other tables "
            f"({', '.join(sorted(base.tables)) or 'none'}) than the configuration "
            f"({', '.join(sorted(tables))}). Publish to another folder, to begin anew."
        )
    for table in sorted(set(tables) & set(base.tables)):
        _check(folder, table, base, preprocessing)
    return base


def _check(
    folder: str, table: str, base: LivingVocabularies, preprocessing: Preprocessing
) -> None:
    """Checks what is there of a table against its configuration."""
    known, columns = base.tables[table], columns_of(preprocessing, table)
    if known.columns and not set(known.columns) & set(columns):
        raise VocabularyError(
            f"Table `{table}`: in {folder} its tokens are of column "
            f"{_listed(known.columns)}, and the configuration takes them from "
            f"{_listed(columns)}. Give the table another name, to begin anew."
        )
    try:
        check_capacity(
            known.capacity, preprocessing.vocabularies[table].living or Living()
        )
    except VocabularyError as error:
        raise VocabularyError(f"Table `{table}`: {error}") from error
    check_table(folder, table, known)


def _listed(columns: tuple[str, ...]) -> str:
    return ", ".join(f"`{column}`" for column in columns)
