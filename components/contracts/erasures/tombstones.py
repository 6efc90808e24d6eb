"""What was erased, by salted hashes: `erased.json` beside the published models.

The tokens themselves are nowhere in it. Who has the file can still test whether a token
that he guesses is in it, which is what it is for: readers leave out what was erased.
"""

import hmac
import secrets
from collections.abc import Collection, Iterable, Mapping

from pydantic import Field, ValidationError

from shardline.components.contracts.erasures.columns import ErasableColumn
from shardline.components.contracts.erasures.examples import ColumnErasure, Erasure
from shardline.components.contracts.text_file import (
    TextFileError,
    read_text,
    write_text,
)
from shardline.configs.section import Section

TOMBSTONES_FILE = "erased.json"
_FORMAT = 1
_HASH_BYTES = 16
_MOST_KNOWN = 1 << 17


class TombstonesError(TextFileError):
    """A file of tombstones that cannot be obeyed."""


class HashedTokens(Collection[bytes]):
    """Tokens that are known by their hashes alone."""

    def __init__(self, salt: bytes, hashes: Iterable[str]):
        """Takes the salt and the hashes, as the file has them."""
        self._salt, self._hashes = salt, frozenset(hashes)
        self._known: dict[bytes, bool] = {}

    def __contains__(self, token: object) -> bool:
        """Returns whether a token is one of them."""
        if not isinstance(token, bytes):
            return False
        known = self._known.get(token)
        if known is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            known = self._known[token] = hashed(self._salt, token) in self._hashes
        return known

    def __len__(self) -> int:
        """Returns how many they are."""
        return len(self._hashes)

    def __iter__(self) -> "Iterable[bytes]":  # type: ignore[override]
        """Refuses: hashes cannot be turned back."""
        raise TypeError("hashed tokens cannot be listed")


class ErasedTable(Section):
    """What was erased of a table.

    Attributes:
        columns: raw columns that held its tokens then, whatever they are used for now.
        hashes: of the tokens.
    """

    columns: tuple[str, ...] = ()
    hashes: tuple[str, ...] = ()


class Tombstones(Section):
    """All that was ever erased of a run.

    Attributes:
        format: of the file.
        salt: hexadecimal, random.
        tables: by table.
        distinctive: hashes of tokens that are no chance equality wherever they stand.
            They are removed from columns, too, that nothing reads.
    """

    format: int = _FORMAT
    salt: str = Field(default_factory=lambda: secrets.token_hex(32))
    tables: dict[str, ErasedTable] = Field(default_factory=dict)
    distinctive: tuple[str, ...] = ()

    def with_tokens(
        self,
        table: str,
        columns: Iterable[str],
        tokens: Iterable[bytes],
        distinctive: Iterable[bytes],
    ) -> "Tombstones":
        """Returns these and more.

        Args:
            table: the table that the tokens have rows in.
            columns: the raw columns that hold them.
            tokens: what is erased.
            distinctive: those of them that are removed from all columns.
        """
        salt = bytes.fromhex(self.salt)
        before = self.tables.get(table, ErasedTable())
        erased = ErasedTable(
            columns=tuple(sorted({*before.columns, *columns})),
            hashes=tuple(
                sorted({*before.hashes, *(hashed(salt, token) for token in tokens)})
            ),
        )
        everywhere = {*self.distinctive, *(hashed(salt, one) for one in distinctive)}
        return self.model_copy(
            update={
                "tables": {**self.tables, table: erased},
                "distinctive": tuple(sorted(everywhere)),
            }
        )

    def erasure(
        self, columns: Mapping[str, ErasableColumn], read: Collection[str]
    ) -> Erasure:
        """Returns what is to be left out of examples.

        Args:
            columns: the raw columns that hold tokens.
            read: all raw columns that the run reads.
        """
        salt = bytes.fromhex(self.salt)
        erased: dict[str, ColumnErasure] = {}
        for name, column in columns.items():
            hashes = {
                one
                for table, gone in self.tables.items()
                if table in column.tables or name in gone.columns
                for one in gone.hashes
            }
            if hashes:
                erased[name] = ColumnErasure(
                    HashedTokens(salt, hashes), column.ragged, column.weights
                )
        return Erasure(erased, HashedTokens(salt, self.distinctive), frozenset(read))

    def save(self, serving_dir: str) -> None:
        """Writes them, in one piece."""
        write_text(serving_dir, TOMBSTONES_FILE, self.model_dump_json(indent=1))


def load_tombstones(serving_dir: str) -> Tombstones | None:
    """Reads what was erased; None if nothing ever was.

    Args:
        serving_dir: the folder that models are published to.

    Raises:
        TombstonesError: if the file is damaged, or of another format. It is not passed
            over: that would bring back what was erased.
    """
    try:
        text = read_text(serving_dir, TOMBSTONES_FILE)
    except FileNotFoundError:
        return None
    where = f"{serving_dir.rstrip('/')}/{TOMBSTONES_FILE}"
    try:
        tombstones = Tombstones.model_validate_json(text)
    except ValidationError as error:
        raise TombstonesError(
            f"{where} is damaged: {error.errors()[0]['msg']}. Bring the file back: "
            "without it, what was erased would be read again."
        ) from error
    if tombstones.format != _FORMAT:
        raise TombstonesError(
            f"{where} has format {tombstones.format}, and format {_FORMAT} can be read "
            "here."
        )
    return tombstones


def hashed(salt: bytes, token: bytes) -> str:
    """Returns the hash of a token: HMAC-SHA256, its first 16 bytes, hexadecimal."""
    return hmac.digest(salt, token, "sha256")[:_HASH_BYTES].hex()
