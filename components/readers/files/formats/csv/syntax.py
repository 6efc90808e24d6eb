"""The bytes that part and quote cells of CSV, made out of a dialect.

Text is scanned and parsed with one byte between cells and no escapes. Where a dialect
has more, the text is rewritten as it is read (`stand_ins`), and cells are put back.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import pyarrow as pa

from shardline.components.readers.files.formats.csv.stand_ins import StandIns
from shardline.configs.dialect import NO_QUOTE, Dialect

_ASCII = 128
# What is put for a delimiter of several bytes: of control characters the most fitting.
_UNIT_SEPARATORS = ("\x1f", "\x1e", "\x1d", "\x1c")


@dataclass(frozen=True)
class Syntax:
    """How text of a dialect is scanned and parsed; picklable.

    Attributes:
        dialect: what it was made of.
        delimiter: the byte between cells.
        quote: the byte around cells that hold others; "" if none is.
        stand_ins: how the dialect's text becomes such text; None: it is such.
    """

    dialect: Dialect
    delimiter: str = ","
    quote: str = '"'
    stand_ins: StandIns | None = None

    @cached_property
    def quoted(self) -> re.Pattern[bytes]:
        """Matches a quoted cell, without its last quote if it has none."""
        quote, delimiter = (re.escape(c.encode()) for c in (self.quote, self.delimiter))
        return re.compile(
            rb"%(q)b(?<![^%(d)b\r\n]%(q)b)[^%(q)b]*+(?:%(q)b%(q)b[^%(q)b]*+)*+(%(q)b?)"
            % {b"q": quote, b"d": delimiter}
        )

    @cached_property
    def beside_quotes(self) -> np.ndarray:
        """Which bytes stand beside regular quotes, bool [256]."""
        return self.ends_cell | np.isin(np.arange(256), list(self.quote.encode()))

    @cached_property
    def ends_cell(self) -> np.ndarray:
        """Which bytes stand behind a cell, bool [256]."""
        return np.isin(np.arange(256), list(f"{self.delimiter}\r\n".encode()))

    @property
    def python_format(self) -> dict[str, Any]:
        """What tells Python's `csv` how text is written."""
        if not self.quote:
            return {"delimiter": self.delimiter, "quoting": csv.QUOTE_NONE}
        return {"delimiter": self.delimiter, "quotechar": self.quote}

    def original(self, text: bytes) -> bytes:
        """Returns text as the file has it, escapes undone."""
        return self.stand_ins.undone(text) if self.stand_ins else text

    def original_cells(self, cells: pa.Array) -> pa.Array:
        """Returns large binary cells as the file has them, escapes undone."""
        return self.stand_ins.undone_cells(cells) if self.stand_ins else cells


@lru_cache(maxsize=64)
def syntax_of(dialect: Dialect) -> Syntax:
    """Returns the syntax of a dialect, made once."""
    quote = "" if dialect.quote == NO_QUOTE else dialect.quote
    is_byte = len(dialect.delimiter) == 1 and ord(dialect.delimiter) < _ASCII
    if is_byte and dialect.escape is None:
        return Syntax(dialect, dialect.delimiter, quote)
    taken = f"{dialect.delimiter}{quote}{dialect.escape or ''}"
    unit = dialect.delimiter if is_byte else _free(taken)
    escape = dialect.escape
    kept = "".join(
        word[1] for word in dialect.missing if escape and word[0:1] == escape
    )
    stand_ins = StandIns(dialect.delimiter, unit, quote, escape, kept)
    return Syntax(dialect, unit, quote, stand_ins)


def _free(taken: str) -> str:
    """Returns a control character that means nothing in a dialect."""
    controls = (chr(code) for code in range(1, 32) if chr(code) not in "\r\n")
    return next(c for c in (*_UNIT_SEPARATORS, *controls) if c not in taken)
