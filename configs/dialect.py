"""How CSV is written: what parts cells, how text is quoted, and what words mean."""

import codecs
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from shardline.configs.section import Section

# For `quote`: no character quotes.
NO_QUOTE = "none"
_LINE_BREAKS = {"\n", "\r"}
_ASCII = 128


def _is_text(value: Any) -> Any:
    """Refuses what YAML reads as nothing, a truth value or a number."""
    if not isinstance(value, str):
        raise PydanticCustomError("word", "put it between quotes, as text")
    return value


Text = Annotated[str, BeforeValidator(_is_text)]


class Dialect(Section):
    r"""How CSV is written, where it differs from Python's `csv` and UTF-8.

    Spark's writer has `escape: '\'`; a dump of MySQL or Hive a tab as `delimiter`,
    `quote: none` and `missing: ['\N']`.
    """

    # What parts cells: one or several characters.
    delimiter: Text = ","
    # The character that opens and closes cells which hold others; or `none`.
    quote: Text = '"'
    # The character before one that is meant as it is, a quote above all.
    escape: Text | None = None
    # The names of all columns in their order, where no line of the file has them.
    header: Annotated[tuple[Text, ...], Field(min_length=1)] | None = None
    # By a name of Python's codecs, such as `latin-1`.
    encoding: Text = "utf-8"
    # Cells, and values of lists, that are missing, besides empty ones.
    missing: tuple[Text, ...] = ()
    # What is between the whole part of a number and its fraction.
    decimal: Text = "."
    # What is between each three digits of a number.
    thousands: Text | None = None

    @field_validator("delimiter")
    @classmethod
    def _parts(cls, value: str) -> str:
        if not value:
            raise PydanticCustomError(
                "delimiter", 'is empty; give what is between cells, such as "\\t"'
            )
        if _LINE_BREAKS & set(value):
            raise PydanticCustomError(
                "delimiter", "holds a line break, which ends rows"
            )
        return value

    @field_validator("quote", "escape")
    @classmethod
    def _is_character(cls, value: str | None) -> str | None:
        if value in (None, NO_QUOTE):
            return value
        if len(value) != 1 or ord(value) >= _ASCII or value in _LINE_BREAKS:
            raise PydanticCustomError(
                "character", "give one character of ASCII, and no line break"
            )
        return value

    @field_validator("encoding")
    @classmethod
    def _is_known(cls, value: str) -> str:
        try:
            known = codecs.lookup(value)
        except LookupError:
            known = None
        if known is None or not known._is_text_encoding:
            raise PydanticCustomError(
                "encoding",
                "Python knows no encoding of that name; such as utf-8, latin-1, "
                "cp1252, utf-16 or shift_jis",
            )
        return value

    @field_validator("header")
    @classmethod
    def _names_once(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        twice = [name for name in value or () if (value or ()).count(name) > 1]
        if twice:
            raise PydanticCustomError(
                "header", "names a column twice: {name}", {"name": twice[0]}
            )
        return value

    @field_validator("decimal", "thousands")
    @classmethod
    def _marks(cls, value: str | None) -> str | None:
        if value is not None and (len(value) != 1 or value.isalnum() or value in "+-"):
            raise PydanticCustomError(
                "mark", "give one character that is no digit, letter or sign"
            )
        return value

    @model_validator(mode="after")
    def _differ(self) -> "Dialect":
        quote = "" if self.quote == NO_QUOTE else self.quote
        for ours, others in (
            ("quote", {"delimiter": self.delimiter}),
            ("escape", {"delimiter": self.delimiter, "quote": quote}),
        ):
            mark = quote if ours == "quote" else self.escape
            for other, characters in others.items():
                if mark and mark in characters:
                    raise PydanticCustomError(
                        "same", f"`{ours}` is in `{other}`, and would mean two things"
                    )
        if self.decimal == self.thousands:
            raise PydanticCustomError(
                "same", "`decimal` and `thousands` are the same character"
            )
        if gone := [word for word in self.missing if not self._stays(word)]:
            raise PydanticCustomError(
                "missing",
                "`missing` has `{word}`, whose `escape` is gone once a cell is read; "
                "leave out `escape`, or give the word without it",
                {"word": gone[0]},
            )
        return self

    def _stays(self, word: str) -> bool:
        """Tells whether cells have a word once escapes are undone."""
        if self.escape is None or self.escape not in word:
            return True
        special = {*self.delimiter, self.quote, self.escape, *_LINE_BREAKS}
        is_first = word.rindex(self.escape) == 0
        return is_first and len(word) > 1 and word[1] not in special


DEFAULT_DIALECT = Dialect()
