"""The vocabularies of all tables after a span: the artifact LivingVocabulary.

    vocabularies.json            what it says of itself, with digests of all files
    <table>                      TensorFlow Transform's file: line r is of row r
    <table>.tokens.parquet       row, token, count, last_seen; candidates have row -1
    <table>.changes.csv          what came and went: change, row, token, count

A row that no token has holds a line that no token can be: `FREE_LINE` and its number.
The files of tokens have as many lines as the table has capacity, so that the rows of
unknown tokens, which follow, stay where they are.
"""

from pydantic import Field

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


class LivingVocabularies(Section):
    """What a LivingVocabulary artifact says of itself.

    Attributes:
        tables: by table.
        spans: all that were counted into it, oldest first, as lineage names them.
        updates: how many updates it has behind it: the age that `last_seen` is told in.
        parent: digest of the one that it was made of; None for the first.
        digest: of everything else it says.
    """

    tables: dict[str, TableChanges]
    spans: tuple[str, ...]
    updates: int
    parent: str | None = None
    digest: str = ""
    erased: int = Field(default=0, ge=0)

    def save(self, folder: str) -> None:
        """Writes it into the artifact's folder; last of all files."""
        write_text(folder, _FILE, self.model_dump_json(indent=1))


def load_vocabularies(folder: str) -> LivingVocabularies:
    """Reads what a LivingVocabulary artifact says of itself.

    Raises:
        FileNotFoundError: if the folder holds none.
    """
    return LivingVocabularies.model_validate_json(read_text(folder, _FILE))
