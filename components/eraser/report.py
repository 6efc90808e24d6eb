"""What an erasure did, file by file: `erasures/<time>.json` in the run folder.

Nothing in it is an id, and no hash of one.
"""

from pathlib import Path
from typing import Literal

from pydantic import Field

from shardline.components.contracts.text_file import write_text
from shardline.configs.section import Section

REPORTS = "erasures"

Outcome = Literal["rewritten", "made anew", "deleted", "redacted", "published"]


class Change(Section):
    """How much of a thing was erased; zeros where nothing was.

    Attributes:
        tokens: lines of vocabularies that became free.
        rows: rows that were reset, with their slots.
        examples: examples that were dropped.
        made_anew: examples that were transformed again.
        values: values that were removed from the lists of others.
        parity_examples: of what a model must repeat, examples that were dropped.
        parity_lookups: recorded lookups that were dropped.
        lines: lines of text in which something was blackened.
    """

    tokens: int = 0
    rows: int = 0
    examples: int = 0
    made_anew: int = 0
    values: int = 0
    parity_examples: int = 0
    parity_lookups: int = 0
    lines: int = 0

    def __bool__(self) -> bool:
        """Returns whether anything was."""
        return any(self.model_dump().values())

    def __add__(self, other: "Change") -> "Change":
        """Returns both together."""
        mine, others = self.model_dump(), other.model_dump()
        return Change(**{name: mine[name] + others[name] for name in mine})

    @property
    def text(self) -> str:
        """The change in words, such as `3 tokens, 3 rows`."""
        return ", ".join(
            f"{count:,} {name.replace('_', ' ')}"
            for name, count in self.model_dump().items()
            if count
        )


class Touched(Section):
    """A thing that was changed or removed.

    Attributes:
        path: below the run folder, or the whole location of what lies elsewhere.
        outcome: what became of it.
        why: for what is not rewritten.
        change: how much was erased.
        files: those of them that changed, below the path; none where all went.
    """

    path: str
    outcome: Outcome
    why: str = ""
    change: Change = Change()
    files: tuple[str, ...] = ()


class ErasureReport(Section):
    """What an erasure did.

    Attributes:
        feature: the feature that was named.
        table: its table.
        columns: the raw columns that the ids were taken out of.
        crosses: tables of crossed features, whose pairs with the ids went too.
        ids: how many were asked for.
        known: how many of them have a row.
        common: how many are too short or too plain to be told from other text: they
            were looked for by column only.
        dry_run: whether nothing was changed.
        resumed: whether an earlier erasure did not come to its end.
        finished: whether it came to its end.
        began: when, in UTC, ISO 8601.
        checkpoints: what digests of checkpoints' indices became; model cards have them.
        touched: in the order in which they were.
        notes: what else a person must know or do.
        left: where something was found at the end; none if all went well.
    """

    feature: str
    table: str
    columns: tuple[str, ...]
    crosses: tuple[str, ...]
    ids: int
    known: int = 0
    common: int = 0
    dry_run: bool = False
    resumed: bool = False
    finished: bool = False
    began: str
    checkpoints: dict[str, str] = Field(default_factory=dict)
    touched: tuple[Touched, ...] = ()
    notes: tuple[str, ...] = ()
    left: tuple[str, ...] = Field(default=())

    def path_in(self, root: Path) -> Path:
        """Returns where it is, or is to be, in a run folder."""
        stamp = self.began.replace(":", "").replace("+0000", "Z")
        return root / REPORTS / f"{stamp}.json"

    def save(self, root: Path) -> None:
        """Writes it into a run folder, in one piece."""
        path = self.path_in(root)
        write_text(str(path.parent), path.name, self.model_dump_json(indent=1))


def unfinished(root: Path) -> list[ErasureReport]:
    """Returns the reports of erasures that did not come to their end, oldest first.

    Args:
        root: the run folder.
    """
    reports = [
        ErasureReport.model_validate_json(path.read_text())
        for path in sorted((root / REPORTS).glob("*.json"))
    ]
    return [report for report in reports if not report.finished]
