"""What an exported model says of how its tables are held: `assets.extra/forms.json`.

Only models that are asked for tables of another form than float32 have it. It says no
times, so that two exports of one checkpoint are equal; those are logged.
"""

from pathlib import Path

from shardline.configs.schema import Form, FormChoice, Section

_FILE = "forms.json"


class TriedForm(Section):
    """One form of one table, what was kept of the trials before it in place.

    Attributes:
        table: the table's name.
        form: how it was held.
        increase: of the model's normalized entropy, relative to float32 tables; None if
            the form cannot hold the table.
        kept: whether the table stayed so.
    """

    table: str
    form: Form
    increase: float | None
    kept: bool


class Variant(Section):
    """The model with its tables in certain forms.

    Attributes:
        table_bytes: of the tables.
        model_bytes: of all files of the model, without `assets.extra`.
        normalized_entropy: on the evaluation split.
        increase: of normalized entropy, relative to float32 tables.
    """

    table_bytes: int
    model_bytes: int
    normalized_entropy: float
    increase: float


class FormsReport(Section):
    """Which form each table has, and what that costs.

    Attributes:
        tables: the form of each table.
        asked: what the configuration says of each.
        examples: of the evaluation split.
        normalized_entropy: of the model as it was exported.
        float32_normalized_entropy: of the same model with float32 tables.
        increase: of normalized entropy, relative to float32 tables; below 0 is better.
        max_increase: what is allowed, `serving.max_entropy_increase`.
        why: what is wrong if that is not held; empty if it is.
        trials: how the forms of `auto` tables were chosen, in order.
        variants: the model as it is, "chosen", beside tables all in one form. A form is
            absent if some table cannot be held so.
    """

    tables: dict[str, Form]
    asked: dict[str, FormChoice]
    examples: int
    normalized_entropy: float
    float32_normalized_entropy: float
    increase: float
    max_increase: float
    why: str
    trials: list[TriedForm]
    variants: dict[str, Variant]

    def save(self, folder: str) -> None:
        """Writes it into a model's folder."""
        extra = Path(folder, "assets.extra")
        extra.mkdir(exist_ok=True)
        (extra / _FILE).write_text(self.model_dump_json(indent=1))


def load_forms_report(folder: str) -> FormsReport | None:
    """Reads the report of the model in a folder; None if its tables are float32."""
    path = Path(folder, "assets.extra", _FILE)
    if not path.exists():
        return None
    return FormsReport.model_validate_json(path.read_text())
