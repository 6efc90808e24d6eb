"""The vocabularies of all tables after a span: the artifact LivingVocabulary.

    vocabularies.json            what it says of itself, with digests of the next two
    <table>                      TensorFlow Transform's file: line r is of row r
    <table>.tokens.parquet       token, row, count, last_seen (`contracts.living_state`)
    <table>.changes.csv          what came and went: change, row, token, count

A row that no token has holds a line that no token can be: `FREE_LINE` and its number.
The files of tokens have as many lines as the table has capacity, so that the rows of
unknown tokens, which follow, stay where they are.
"""

import hashlib

from pydantic import Field, ValidationError

from shardline.components.contracts.living_state import VocabularyError
from shardline.components.contracts.text_file import read_text, write_text
from shardline.configs.section import Section

_FILE = "vocabularies.json"

# Begins the line of a free row. Tokens that begin so stay outside of vocabularies.
FREE_LINE = "49d0cd50-04bb-48c0-bc6f-5b575dce351a free row "


def free_line(row: int) -> str:
    """Returns the line of a row that no token has."""
    return f"{FREE_LINE}{row}"


class TableChanges(Section):
    """What became of a table's vocabulary in one update.

    Attributes:
        capacity: rows for tokens.
        capacity_before: None if the vocabulary is new.
        live: tokens that have a row.
        admitted: tokens that came.
        evicted: tokens that went.
        kept: tokens that stayed, each in its row.
        moved: tokens that stayed in another row: always 0; checked, not assumed.
        waiting: candidates that are counted and have no row.
        free: rows without a token.
        digest: SHA-256 of the file of tokens.
        state_digest: SHA-256 of the file with the counts.
        columns: the raw columns that its tokens come from; both of a cross by " x ".
    """

    capacity: int
    capacity_before: int | None = None
    live: int
    admitted: int
    evicted: int
    kept: int
    moved: int = 0
    waiting: int = 0
    free: int
    digest: str
    state_digest: str
    columns: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Returns what became of it, for people."""
        grown = ""
        if self.capacity_before is not None and self.capacity > self.capacity_before:
            grown = f", grown by {self.capacity - self.capacity_before:,}"
        return (
            f"{self.live:,} tokens in {self.capacity:,} rows{grown}: "
            f"{self.kept:,} kept, {self.admitted:,} admitted, {self.evicted:,} evicted"
        )


class LivingVocabularies(Section):
    """What a LivingVocabulary artifact says of itself.

    Attributes:
        tables: by table.
        spans: all that were counted into it, oldest first, as lineage names them.
        updates: its age: how many spans were counted into it. The head and the tail
            of one are one.
        parent: digest of the one that it was made of; None for the first.
        digest: of everything else it says, and so of all vocabularies; `save` finds it.
        erased: how many tokens were erased from it since.
    """

    tables: dict[str, TableChanges]
    spans: tuple[str, ...]
    updates: int
    parent: str | None = None
    digest: str = ""
    erased: int = Field(default=0, ge=0)

    def save(self, folder: str) -> "LivingVocabularies":
        """Writes it into the artifact's folder; last of all files.

        Returns:
            It, with its digest.
        """
        saved = self.model_copy(update={"digest": self._digest()})
        write_text(folder, _FILE, saved.model_dump_json(indent=1))
        return saved

    @property
    def is_damaged(self) -> bool:
        """Whether it says something else than when it was saved."""
        return self.digest != self._digest()

    def _digest(self) -> str:
        text = self.model_dump_json(exclude={"digest"})
        return hashlib.sha256(text.encode()).hexdigest()


def load_vocabularies(folder: str) -> LivingVocabularies:
    """Reads what a LivingVocabulary artifact says of itself.

    Raises:
        FileNotFoundError: if the folder holds none.
        VocabularyError: if it is damaged.
    """
    text = read_text(folder, _FILE)
    where = f"{folder.rstrip('/')}/{_FILE}"
    remedy = "Bring the file back, or go on from another run's vocabularies."
    try:
        vocabularies = LivingVocabularies.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]["msg"]
        raise VocabularyError(f"{where} is damaged: {first}. {remedy}") from error
    if vocabularies.is_damaged:
        raise VocabularyError(f"{where} is damaged: its digest differs. {remedy}")
    return vocabularies
