r"""Files of the forms of Book-Crossing, with made-up rows.

The first form is that of a dump of MySQL: semicolons, all text quoted, a quote inside
as `\"`, NULL without quotes, Latin-1. The newer one has tabs and UTF-8 and no quotes.
In both a user's place is one cell, "city, state, country".
"""

import random
from pathlib import Path
from typing import Any

RATINGS, BOOKS, USERS = 3000, 80, 150
PLACES = ["lyon, rhône-alpes, france", "são paulo, sp, brazil", "porto, n/a, portugal"]


def write_dump(folder: Path) -> list[dict[str, Any]]:
    """Writes the files of the first form, and returns the joined ratings.

    Args:
        folder: where the files are put.

    Returns:
        Of each rating in the order of the file: user, book, label, place (a list), age
        (or None), title, author and year.
    """
    return _write(folder, _dumped, "latin-1", "\r\n")


def write_tabs(folder: Path) -> list[dict[str, Any]]:
    """Writes the files of the newer form; otherwise as `write_dump`."""
    return _write(folder, _tabbed, "utf-8", "\n")


def _write(
    folder: Path, line_of: Any, encoding: str, line_end: str
) -> list[dict[str, Any]]:
    draw = random.Random(2)
    users = {
        n: (draw.choice(PLACES), draw.choice([None, *range(12, 80)]))
        for n in range(1, USERS + 1)
    }
    books = {_isbn(n): _book(n) for n in range(BOOKS)}
    rated = [
        (draw.choice([*users]), draw.choice([*books]), draw.choice([0, 3, 5, 7, 8, 10]))
        for _ in range(RATINGS)
    ]
    headers = {
        "BX-Book-Ratings.csv": ("User-ID", "ISBN", "Book-Rating"),
        "BX-Users.csv": ("User-ID", "Location", "Age"),
        "BX-Books.csv": ("ISBN", "Book-Title", "Book-Author", "Year-Of-Publication"),
    }
    rows: dict[str, list[Any]] = {
        "BX-Book-Ratings.csv": [(str(u), b, str(r)) for u, b, r in rated],
        "BX-Users.csv": [(n, place, age) for n, (place, age) in users.items()],
        "BX-Books.csv": [(isbn, *book) for isbn, book in books.items()],
    }
    for name, header in headers.items():
        lines = [line_of(row) + line_end for row in (header, *rows[name])]
        (folder / name).write_bytes("".join(lines).encode(encoding))
    return [
        {
            "user": str(user),
            "book": isbn,
            "label": float(rating >= 7),
            "place": users[user][0].split(", "),
            "age": users[user][1],
            "title": books[isbn][0],
            "author": books[isbn][1],
            "year": books[isbn][2],
        }
        for user, isbn, rating in rated
    ]


def _isbn(number: int) -> str:
    """Returns a number of a book, which begins with a zero and may end with X."""
    return f"0{345_000_000 + number}"[:9] + (
        "X" if number % 11 == 0 else str(number % 10)
    )


def _book(number: int) -> tuple[str, str, str]:
    title = [
        f'The "Grey" Cat {number}',
        f"Bücher; Band {number}",
        f"Any & All {number}",
    ]
    return title[number % 3], f"Zoë O'Hara {number % 9}", str(1960 + number % 40)


def _dumped(cells: tuple[Any, ...]) -> str:
    quoted = (str(cell).replace('"', '\\"') for cell in cells)
    return ";".join(
        "NULL" if cell is None else f'"{text}"'
        for cell, text in zip(cells, quoted, strict=True)
    )


def _tabbed(cells: tuple[Any, ...]) -> str:
    return "\t".join("NULL" if cell is None else str(cell) for cell in cells)
