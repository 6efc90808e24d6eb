"""Tables of many forms, written as CSV in many dialects by Python's csv module."""

import csv
import dataclasses
import io
import itertools
import random
from collections.abc import Callable, Iterator, Sequence

WORDS = "red blue green amber coral ivory olive plum sand teal".split()
TITLES = [
    "Toy Story (1995)",
    "American President, The (1995)",
    'The "Burbs"',
    "Ca$h; or not",
    "Él camino",
    "Two\nlines",
]
CITIES = ["New York", "Rome", "Oslo", "São Paulo", "Zürich", "St. Louis"]


def number(value: float, decimal: str, thousands: str = "") -> str:
    """Returns a number with two digits of fraction, written with some marks."""
    text = f"{value:,.2f}"
    return text.translate(str.maketrans({",": thousands, ".": decimal}))


@dataclasses.dataclass(frozen=True)
class Written:
    """A file, and the truth about it.

    Attributes:
        name: of the case.
        data: the bytes.
        delimiter, quote, escape, encoding, decimal, has_header: how it was written.
        names: of its columns.
        rows: its cells.
    """

    name: str
    data: bytes
    delimiter: str
    encoding: str
    decimal: str
    has_header: bool
    names: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def ratings(draw: random.Random, decimal: str) -> Iterator[list[str]]:
    yield ["userId", "movieId", "rating", "timestamp"]
    for _ in range(60):
        yield [
            str(draw.randrange(1, 600)),
            str(draw.randrange(1, 9000)),
            number(draw.randrange(1, 11) / 2, decimal),
            str(draw.randrange(9 * 10**8, 17 * 10**8)),
        ]


def movies(draw: random.Random, decimal: str) -> Iterator[list[str]]:
    yield ["movie_id", "title", "genres", "mean rating"]
    for i in range(40):
        genres = "|".join(draw.sample(WORDS, draw.randrange(1, 4)))
        title = f"{draw.choice(TITLES)} {i}"
        yield [str(i), title, genres, number(draw.uniform(0, 5), decimal)]


def shop(draw: random.Random, decimal: str) -> Iterator[list[str]]:
    yield ["day", "customer", "city", "colour", "price", "clicked"]
    for _ in range(50):
        yield [
            f"2024-0{draw.randrange(1, 9)}-1{draw.randrange(9)}",
            f"c{draw.randrange(400)}",
            draw.choice(CITIES),
            draw.choice(WORDS),
            draw.choice(["NA", number(draw.uniform(1, 900), decimal)]),
            draw.choice(["yes", "no"]),
        ]


def words(draw: random.Random, decimal: str) -> Iterator[list[str]]:
    yield ["customer", "colour", "city"]
    for _ in range(40):
        yield [f"c{draw.randrange(90)}", draw.choice(WORDS), draw.choice(CITIES)]


TABLES: tuple[Callable[[random.Random, str], Iterator[list[str]]], ...] = (
    ratings,
    movies,
    shop,
    words,
)
DELIMITERS = (",", "\t", ";", "|", "::", "\x01", "~")
QUOTING = ("needed", "all")
LINE_ENDS = ("\n", "\r\n")
ENCODINGS = ("utf-8", "utf-8-sig", "latin-1", "utf-16")
HEADERS = (True, False)


def text_of(
    rows: Sequence[Sequence[str]], delimiter: str, quoting: str, line_end: str
) -> str:
    """Returns rows as CSV, by Python's csv module."""
    one = delimiter if len(delimiter) == 1 else "\x02"
    file = io.StringIO(newline="")
    csv.writer(
        file,
        delimiter=one,
        lineterminator=line_end,
        quoting=csv.QUOTE_ALL if quoting == "all" else csv.QUOTE_MINIMAL,
    ).writerows(rows)
    return file.getvalue().replace(one, delimiter)


def matrix() -> Iterator[Written]:
    """Yields a file for each table and each way to write it."""
    draw = random.Random(19)
    for make, delimiter, quoting, line_end, encoding, has_header in itertools.product(
        TABLES, DELIMITERS, QUOTING, LINE_ENDS, ENCODINGS, HEADERS
    ):
        decimal = "," if delimiter == ";" else "."
        names, *rows = make(draw, decimal)
        table = [names, *rows] if has_header else rows
        text = text_of(table, delimiter, quoting, line_end)
        yield Written(
            f"{make.__name__} {delimiter!r} {quoting} {line_end!r} {encoding} "
            f"{'header' if has_header else 'no header'}",
            text.encode(encoding),
            delimiter,
            encoding.removesuffix("-sig"),
            decimal if make is not words else ".",
            has_header,
            tuple(names),
            tuple(map(tuple, rows)),
        )
