"""Where rows of CSV end: as Python's csv module says, wherever the text is cut."""

import csv
import gzip
import io
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from shardline.components.readers.files import (
    BadInput,
    BadInputError,
    ReadSettings,
    Unit,
    read_unit,
)
from shardline.components.readers.files.formats.csv import encodings
from shardline.components.readers.files.formats.csv import quotes as csv_quotes
from shardline.components.readers.files.formats.csv import rows as csv_rows
from shardline.components.readers.files.formats.csv import text as csv_text
from shardline.components.readers.files.formats.csv.encodings import plain_stream
from shardline.components.readers.files.formats.csv.rows import (
    header_and_rows,
    row_starts,
)
from shardline.components.readers.files.formats.csv.syntax import syntax_of
from shardline.components.readers.files.sampling import sample
from shardline.configs.column import Column
from shardline.configs.dialect import Dialect

COLUMNS = {"item": Column("string", optional=True), "n": Column("int64")}
CHUNKS = [1, 2, 7, 40, 1 << 20]
PIECES = ['"', ",", "\n", "\r\n", "\r", "x", '"x,y"', '"x\ny"', "x,1\n", '"x",1\n', "é"]
WELL_FORMED = ['7" x', '"x, ""y"""', '"two\nlines"', "x", '""', '"x\r\n"', 'x"', '"x"y']


def expected(text: str) -> tuple[list[list[str]], list[int], list[int]]:
    """Rows, the lines they start at, and those of rows that are not closed.

    One character after the other, as the csv module does: an independent reference.
    """
    rows: list[list[str]] = []
    lines: list[int] = []
    unclosed: list[int] = []
    place = 0
    while place < len(text):
        row, end, opened = _row(text, place)
        line = _line(text, place)
        if opened is not None:
            unclosed.append(line)
            end = _line_end(text, opened)
        elif text[place] not in "\r\n":
            rows.append(row)
            lines.append(line)
        place = end
    return rows, lines, unclosed


def _row(text: str, place: int) -> tuple[list[str], int, int | None]:
    """A row, where the next one begins, and the opening quote that spoils it."""
    cells = [""]
    start, opened, is_open = True, 0, False
    while place < len(text):
        here = text[place]
        place += 1
        if is_open:
            if here == '"' and text[place : place + 1] == '"':
                place += 1
            elif here == '"':
                is_open = False
                goes_on = text[place : place + 1] not in ("", ",", "\r", "\n")
                if goes_on and any(c in "\r\n" for c in text[opened:place]):
                    return cells, place, opened
                continue
            cells[-1] += here
        elif here == '"' and start:
            is_open, start, opened = True, False, place - 1
        elif here == ",":
            cells.append("")
            start = True
        elif here in "\r\n":
            return cells, place + (text[place - 1 : place + 1] == "\r\n"), None
        else:
            cells[-1] += here
            start = False
    return cells, place, opened if is_open else None


def _line(text: str, place: int) -> int:
    return len(io.StringIO(text[:place] + "|", newline=None).read().split("\n"))


def _line_end(text: str, place: int) -> int:
    while place < len(text) and text[place] not in "\r\n":
        place += 1
    return place + (2 if text[place : place + 2] == "\r\n" else 1)


def found(
    text: str, chunk_bytes: int, dialect: Dialect
) -> tuple[list[str], list[int], list[int]]:
    """Texts of rows as cut, the lines they start at, and the unclosed lines.

    The text is that of the default dialect, and read in another one.
    """
    marks = {'"': dialect.quote, ",": dialect.delimiter}
    for plain, mark in marks.items():
        text = text.replace(plain, mark)
    content = f"item{dialect.delimiter}n\n{text}".encode(dialect.encoding)
    syntax = syntax_of(dialect)
    stream = io.BufferedReader(io.BytesIO(content))  # type: ignore[arg-type]
    plain_text = plain_stream(stream, syntax)
    header, chunks = header_and_rows(plain_text, syntax, chunk_bytes, 1 << 20)
    assert syntax.original(header).decode() == f"item{dialect.delimiter}n"
    texts, lines, unclosed = [], [], []
    for rows in chunks:
        starts = row_starts(rows.text, syntax).tolist()
        for start, end in zip(starts, [*starts[1:], None], strict=False):
            row = syntax.original(rows.text[start:end]).decode().rstrip("\r\n")
            for plain, mark in reversed(marks.items()):
                row = row.replace(mark, plain)
            texts.append(row)
            lines.append(rows.line + csv_rows.lines(rows.text, syntax, start) - 1)
        unclosed += [row.line - 1 for row in rows.unclosed]
    return texts, lines, unclosed


def _parsed(rows: list[str]) -> list[list[str]]:
    return [next(csv.reader(io.StringIO(row, newline=""))) for row in rows]


def texts(draw: random.Random, count: int) -> Iterator[str]:
    for _ in range(count):
        yield "".join(draw.choice(PIECES) for _ in range(draw.randint(1, 12)))


DIALECTS = [
    Dialect(),
    Dialect(delimiter="\t", quote="'", encoding="latin-1"),
    Dialect(delimiter="::", encoding="utf-16"),
    Dialect(delimiter="¦", quote="'", escape="\\"),
]


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda d: d.delimiter)
def test_rows_are_those_of_the_reference_wherever_text_is_cut(
    dialect: Dialect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stray quote takes no good row with it, whatever parts and quotes cells."""
    monkeypatch.setattr(encodings, "_BLOCK_BYTES", 5)
    unclosed = 0
    for text in texts(random.Random(5), 800):
        rows, *numbers = expected(text)
        for chunk_bytes in (1, 3, 8, 1000):
            cut, *cut_numbers = found(text, chunk_bytes, dialect)
            assert cut_numbers == numbers, (text, chunk_bytes)
            assert _parsed(cut) == rows, (text, chunk_bytes)
        unclosed += bool(numbers[1])
        if not numbers[1]:
            of_python = csv.reader(io.StringIO(text, newline=""))
            assert rows == [row for row in of_python if row]
    assert 150 < unclosed < 650


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
def test_values_and_lines_are_those_of_python(
    name: str, write: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Well-formed and stray quotes by chance, every fifth row with a bad number."""
    draw = random.Random(name)
    for chunk_bytes in CHUNKS:
        monkeypatch.setattr(csv_text, "_CHUNK_BYTES", chunk_bytes)
        end = draw.choice(["\n", "\r\n"])
        text = f"item,n{end}"
        for i in range(60):
            number = "bad" if i % 5 == 4 else str(i)
            text += f"{draw.choice(WELL_FORMED)},{number}{end * draw.choice([1, 1, 2])}"
        reader = csv.reader(io.StringIO(text, newline=""))
        good, bad = [], []
        for row in reader:
            if row and row[1] == "bad":
                bad.append(reader.line_num - sum(c.count("\n") for c in row))
            elif row and row[1] != "n":
                values = [row[0].encode()] if row[0] else []
                good.append({"item": values, "n": [int(row[1])]})
        content = ("\ufeff" + text).encode()
        file = write(name, gzip.compress(content) if ".gz" in name else content)
        counted = BadInput("skip")
        settings = ReadSettings("csv", COLUMNS, on_bad_example="skip")
        batches = [b for _, b in read_unit(Unit(file), settings, counted, 7)]
        assert [row for batch in batches for row in batch.to_pylist()] == good
        (first,) = counted.first.values()
        assert [line for _, line, _ in first] == bad[:3]
        assert sum(counted.rows.values()) == len(bad)
        (sampled,) = sample([file], settings, 1000, list(COLUMNS))
        if chunk_bytes == 1 << 20:
            assert sampled.batch.num_rows == len(good) + len(bad)


CASES = [
    pytest.param(b'1,a\n0,7" x\n1,"two\nlines"\n0,c\n', 4, [], id="stray, then break"),
    pytest.param(b'1,"7"" x"\n0,7" x\n1,"a\nb"\n', 3, [], id="doubled, stray, break"),
    pytest.param(b'1,7" x 9"\n0,"a\r\nb"\n1,9" x\n', 3, [], id="even and odd"),
    pytest.param(b'1,"7" x\n0,b\n', 2, [], id="goes on after a closing quote"),
    pytest.param(b'1,a\n0,"open\n1,b\n0,c', 3, [3], id="unclosed to the end"),
    pytest.param(b'1,"open\n0,b\n1,"c"\n0,d\n', 3, [2], id="unclosed before quotes"),
    pytest.param(b'1,"a\nb"\n0,"open\n1,"c\nd"\n', 2, [4], id="unclosed, then break"),
    pytest.param(b'1,"a""\n0,b""\n', 1, [2], id="doubled, never closed"),
]


@pytest.mark.parametrize("chunk_bytes", CHUNKS)
@pytest.mark.parametrize(("text", "rows", "unclosed"), CASES)
def test_odd_quotes_are_read_by_one_rule(
    text: bytes,
    rows: int,
    unclosed: list[int],
    chunk_bytes: int,
    write: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(csv_text, "_CHUNK_BYTES", chunk_bytes)
    file = write("a.csv", b"label,item\n" + text)
    columns = {"label": Column("float"), "item": Column("string")}
    counted = BadInput("skip")
    settings = ReadSettings("csv", columns, on_bad_example="skip")
    read = [batch for _, batch in read_unit(Unit(file), settings, counted)]
    assert sum(batch.num_rows for batch in read) == rows
    told = counted.first.get("a quote is not closed", [])
    assert [line for _, line, _ in told] == unclosed
    assert sum(counted.rows.values()) == len(unclosed)


def test_one_odd_quote_in_a_large_file_changes_nothing(
    write: Callable[..., str],
) -> None:
    """Some chunks have odd quotes, others have not; the long cell spans three."""
    long = "line\n" * 500_000
    rows = [f'"x ""{i}""\nz",{i}' if i % 2 else f"x{i},{i}" for i in range(90_000)]
    rows[50_000] = '7" x,50000'
    rows[60_000] = f'"{long}",60000'
    file = write("a.csv", ("item,n\n" + "\n".join(rows) + "\n").encode())
    items = []
    settings = ReadSettings("csv", COLUMNS)
    for _, batch in read_unit(Unit(file), settings, BadInput()):
        items += batch.column("item").flatten().to_pylist()
        numbers = batch.column("n").flatten().to_pylist()
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert len(items) == 90_000
    assert items[49_999:50_002] == [b'x "49999"\nz', b'7" x', b'x "50001"\nz']
    assert items[60_000].decode() == long


def test_cell_longer_than_any_is_an_unclosed_quote(
    write: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_quotes, "MOST_QUOTED_BYTES", 100)
    text = 'item,n\n"' + "x\n" * 60 + '",1\n"y\nz",2\n'
    file = write("a.csv", text.encode())
    for chunk_bytes in CHUNKS:
        monkeypatch.setattr(csv_text, "_CHUNK_BYTES", chunk_bytes)
        counted = BadInput("skip")
        settings = ReadSettings("csv", COLUMNS, on_bad_example="skip")
        read = [batch for _, batch in read_unit(Unit(file), settings, counted)]
        rows = [row for batch in read for row in batch.to_pylist()]
        assert rows[-1] == {"item": [b"y\nz"], "n": [2]}
        assert counted.first["a quote is not closed"][0][1] == 2


@pytest.mark.parametrize(
    ("content", "expected_"),
    [
        (b'"the ""item""\nof a row",n\nx,1\n', [b"x"]),
        (b'\xef\xbb\xbf"the ""item""\nof a row","n"\r\n7" x,1\r\n', [b'7" x']),
    ],
)
def test_header_is_a_row_like_others(
    content: bytes, expected_: list[bytes], write: Callable[..., str]
) -> None:
    columns = {'the "item"\nof a row': Column("string"), "n": Column("int64")}
    file = write("a.csv", content)
    ((_, batch),) = read_unit(Unit(file), ReadSettings("csv", columns), BadInput())
    assert batch.column(0).flatten().to_pylist() == expected_


def test_header_that_is_not_closed_is_an_error(write: Callable[..., str]) -> None:
    file = write("a.csv", b'"item,n\nx,1\n')
    settings: Any = ReadSettings("csv", COLUMNS)
    for read in (
        lambda: list(read_unit(Unit(file), settings, BadInput())),
        lambda: sample([file], settings, 10, list(COLUMNS)),
    ):
        with pytest.raises(BadInputError, match="its header line has a quote that is"):
            read()
