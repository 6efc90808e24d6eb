"""What an exported model says of how its tables are held: the precision report.

Only models with tables of another precision than float32 have it. It holds no times, so
that two exports of one checkpoint are equal; times are logged.
"""

import json
from pathlib import Path

from pydantic import ConfigDict, Field

from shardline.components.contracts.model_folder import (
    CARD_FILE,
    PRECISION_FILE,
    write_extra,
)
from shardline.configs.schema import Precision, PrecisionChoice, Section


class TriedPrecision(Section):
    """One precision of one table, what was kept of the trials before it in place.

    Attributes:
        table: the table's name.
        precision: how it was held.
        increase: of the model's normalized entropy, relative to float32 tables; None if
            the precision cannot hold the table.
        kept: whether the table stayed so.
    """

    model_config = ConfigDict(validate_by_name=True, serialize_by_alias=True)

    table: str
    # Files say `form`, the older word.
    precision: Precision = Field(validation_alias="form", serialization_alias="form")
    increase: float | None
    kept: bool


class Variant(Section):
    """The model with its tables in certain precisions.

    Attributes:
        table_bytes: of the tables.
        model_bytes: of the files that a server loads.
        normalized_entropy: on the evaluation split.
        increase: the increase of normalized entropy, relative to float32 tables.
    """

    table_bytes: int
    model_bytes: int
    normalized_entropy: float
    increase: float


class PrecisionReport(Section):
    """Which precision each table has, and what that costs.

    Attributes:
        tables: the precision of each table.
        asked: what the configuration says of each.
        examples: the examples of the evaluation split.
        normalized_entropy: the normalized entropy of the model as it was exported.
        float32_normalized_entropy: of the same model with float32 tables.
        increase: of normalized entropy, relative to float32 tables; below 0 is better.
        max_increase: what is allowed, `serving.max_entropy_increase`.
        why: what is wrong if that is not held; empty if it is.
        trials: how the precisions of `auto` tables were chosen, in order.
        variants: the model as it is, "chosen", beside the model with all tables in one
            precision, by its name. A precision that cannot hold some table is absent.
    """

    tables: dict[str, Precision]
    asked: dict[str, PrecisionChoice]
    examples: int
    normalized_entropy: float
    float32_normalized_entropy: float
    increase: float
    max_increase: float
    why: str
    trials: list[TriedPrecision]
    variants: dict[str, Variant]

    def save(self, folder: str) -> None:
        """Writes it into a model folder."""
        write_extra(folder, PRECISION_FILE, self.model_dump_json(indent=1))


def load_precision_report(folder: str) -> PrecisionReport | None:
    """Reads the report in a model folder; None if the tables are float32."""
    path = Path(folder, PRECISION_FILE)
    if not path.exists():
        return None
    return PrecisionReport.model_validate_json(path.read_text())


def held_precisions(folder: str) -> dict[str, str]:
    """Reads from a model's card how each table is held; empty without a card.

    Args:
        folder: the model folder.
    """
    path = Path(folder, CARD_FILE)
    if not path.exists():
        return {}
    tables = json.loads(path.read_text())["tables"]
    return {name: table["form"] for name, table in tables.items()}
