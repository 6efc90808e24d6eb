"""CSV of any dialect is read as Python's csv module reads it, wherever it is cut."""

import csv
import gzip
import io
import itertools
import pickle
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from shardline.components.readers.files import BadInput, ReadSettings, Unit, read_unit
from shardline.components.readers.files.formats.csv import encodings
from shardline.components.readers.files.formats.csv import text as csv_text
from shardline.components.readers.files.formats.csv.syntax import syntax_of
from shardline.components.readers.files.heads import head_of, rows_up_to
from shardline.components.readers.files.sampling import sample
from shardline.configs.column import Column
from shardline.configs.dialect import Dialect

# For a delimiter of any length while text is written and read by Python.
UNIT = "\x02"
CHUNKS = [1, 50, 1 << 20]
HEADER = ["item", "n", "größe"]
COLUMNS = {
    "item": Column("string", optional=True),
    "größe": Column("string", optional=True),
}
DELIMITERS = [",", "\t", ";", "|", "::", ", ", "¦", "→→", "\x01", " ", "\x1f\x1f"]
QUOTES = ['"', "'", "none"]
ESCAPES = [None, "\\"]
ENDS = ["\n", "\r\n", "\r"]
ENCODINGS = ["utf-8", "utf-8-sig", "latin-1", "cp1252", "utf-16", "utf-16-le"]
WIDE = ["shift_jis", "gb18030", "utf-32"]
PIECES = [
    "x",
    "é",
    "17",
    " ",
    ":",
    "a::b",
    ":::",
    "'",
    '"',
    "\\",
    ",",
    "\t",
    "\n",
    "\r",
]


def fits(text: str, encoding: str) -> bool:
    try:
        return text.encode(encoding).decode(encoding) == text
    except UnicodeEncodeError:
        return False


def matrix(remainder: int) -> Iterator[dict[str, Any]]:
    """A part of all dialects, another one for each remainder."""
    every = itertools.product(
        DELIMITERS, QUOTES, ESCAPES, ENDS, [*ENCODINGS, *WIDE], [False, True]
    )
    for number, (delimiter, quote, escape, end, encoding, given) in enumerate(every):
        if fits(f"{delimiter}größe", encoding) and number % 37 == remainder:
            yield {
                "dialect": Dialect(
                    delimiter=delimiter,
                    quote=quote,
                    escape=escape,
                    encoding=encoding,
                    header=tuple(HEADER) if given else None,
                ),
                "end": end,
            }


def written(
    rows: list[list[str]], dialect: Dialect, end: str, draw: random.Random
) -> str:
    """Rows as writers write them, by quotes or by escapes, with a unit between."""
    return "".join(
        UNIT.join(_written(cell, dialect, draw) for cell in row) + end for row in rows
    )


def _written(cell: str, dialect: Dialect, draw: random.Random) -> str:
    escape, quote = dialect.escape or "", dialect.quote
    is_plain = not set(cell) & {UNIT, "\n", "\r", quote, escape}
    if is_plain and draw.random() < 0.7:
        return cell
    if quote != "none" and (draw.random() < 0.7 or not escape):
        by_escapes = escape and draw.random() < 0.7
        marked = f"{escape}{quote}" if by_escapes else 2 * quote
        cell = cell.replace(escape, 2 * escape) if escape else cell
        return f"{quote}{cell.replace(quote, marked)}{quote}"
    special = {UNIT, "\n", "\r", quote, escape}
    return "".join(f"{escape}{c}" if c in special else c for c in cell)


def of_python(text: str, dialect: Dialect) -> list[list[str]]:
    """The rows of text as Python's csv reads it, blank lines left out."""
    keys: dict[str, Any] = {"quoting": csv.QUOTE_NONE}
    if dialect.quote != "none":
        keys = {"quotechar": dialect.quote}
    lines = io.StringIO(text, newline="")
    reader = csv.reader(lines, delimiter=UNIT, escapechar=dialect.escape, **keys)
    return [[c.replace(UNIT, dialect.delimiter) for c in row] for row in reader if row]


def drawn_rows(draw: random.Random, dialect: Dialect) -> list[list[str]]:
    """Rows whose cells hold what means something, as far as it can be written."""
    pieces = [p for p in PIECES if fits(p, dialect.encoding)]
    pieces += [UNIT] * 3
    if dialect.quote == "none" and dialect.escape is None:
        pieces = [p for p in pieces if p not in (UNIT, "\n", "\r")]
    delimiter = dialect.delimiter
    if len(delimiter) > 1:  # which no pieces may come to by chance
        pieces = [p for p in pieces if not set(p) & set(delimiter)]
    else:
        pieces = [p for p in pieces if delimiter not in p]
    make = lambda: "".join(draw.choices(pieces, k=draw.randint(0, 4)))  # noqa: E731
    return [[make(), str(i), make()] for i in range(25)]


def cells(rows: list[list[str]]) -> list[dict[str, list[bytes]]]:
    return [
        {
            "item": [row[0].encode()] if row[0] else [],
            "größe": [row[2].encode()] if row[2] else [],
        }
        for row in rows
    ]


def read(file: str, settings: ReadSettings, parts: int = 1) -> list[dict[str, Any]]:
    by_part = []
    for part in range(parts):
        batches = [
            b for _, b in read_unit(Unit(file, part, parts), settings, BadInput())
        ]
        by_part.append([row for batch in batches for row in batch.to_pylist()])
    return [row for rows in by_part for row in rows]


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
@pytest.mark.parametrize("chunk_bytes", CHUNKS)
def test_every_dialect_is_read_as_python_reads_it(
    chunk_bytes: int,
    name: str,
    write: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(csv_text, "_CHUNK_BYTES", chunk_bytes)
    monkeypatch.setattr(encodings, "_BLOCK_BYTES", max(3, chunk_bytes))
    draw = random.Random(name)
    count = 0
    for case in matrix(CHUNKS.index(chunk_bytes) + 3 * name.endswith("gz")):
        dialect, end = case["dialect"], case["end"]
        rows = drawn_rows(draw, dialect)
        body = written(rows, dialect, end, draw)
        expected = of_python(body, dialect)
        header = "" if dialect.header else UNIT.join(HEADER) + end
        text = (header + body).replace(UNIT, dialect.delimiter)
        content = text.encode(dialect.encoding)
        file = write(name, gzip.compress(content) if ".gz" in name else content)
        settings = ReadSettings("csv", COLUMNS, dialect=dialect)
        assert read(file, settings) == cells(expected), dialect
        together = read(file, settings, 3)
        assert sorted(map(str, together)) == sorted(map(str, cells(expected))), dialect
        head = head_of(file, settings)
        assert (head.fault, head.unlike, head.columns) == ("", "", tuple(HEADER))
        assert rows_up_to([file], settings, 1000) >= len(expected)
        (piece,) = sample([file], settings, 1000, list(COLUMNS))
        if chunk_bytes == 1 << 20:
            assert piece.batch.column(0).to_pylist() == [
                r[0].encode() for r in expected
            ]
        count += 1
    assert count > 60


def test_syntax_of_a_dialect_is_made_once_and_travels() -> None:
    for case in itertools.islice(matrix(9), 40):
        syntax = syntax_of(case["dialect"])
        assert syntax is syntax_of(Dialect(**case["dialect"].model_dump()))
        if syntax.quote:
            assert syntax.quoted.search(syntax.quote.encode() * 2)
        assert pickle.loads(pickle.dumps(syntax)) == syntax
