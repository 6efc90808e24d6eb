"""Files in the form that people have them, with made-up rows."""

import csv
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

GENRES = ["Action", "Comedy", "Drama", "Horror", "Sci-Fi", "Children"]


def write(
    path: Path,
    rows: Sequence[Sequence[object]],
    delimiter: str = ",",
    encoding: str = "utf-8",
    **how: object,
) -> None:
    """Writes rows as Python's csv module does."""
    with path.open("w", newline="", encoding=encoding) as file:
        csv.writer(file, delimiter=delimiter, **how).writerows(rows)  # type: ignore[arg-type]


def movielens(folder: Path) -> None:
    """Writes ratings.csv, movies.csv, tags.csv and links.csv of latest-small."""
    draw = random.Random(1)
    movies = [
        [i, f'Film {i}, "The" ({1950 + i % 70})',
         "|".join(draw.sample(GENRES, 1 + i % 3))]
        for i in range(1, 200)
    ]  # fmt: skip
    ratings = [
        [draw.randint(1, 150), draw.randint(1, 199), draw.randint(1, 10) / 2,
         draw.randint(964982703, 1537109082)]
        for _ in range(1500)
    ]  # fmt: skip
    tags = [[draw.randint(1, 150), draw.randint(1, 199), "fun", 1445714994]
            for _ in range(90)]  # fmt: skip
    write(folder / "movies.csv", [["movieId", "title", "genres"], *movies])
    write(
        folder / "ratings.csv", [["userId", "movieId", "rating", "timestamp"], *ratings]
    )
    write(folder / "tags.csv", [["userId", "movieId", "tag", "timestamp"], *tags])


def book_crossing(folder: Path) -> None:
    """Writes the three files of Book-Crossing: `;`, quotes, Latin-1, escaped quotes."""
    draw = random.Random(2)
    books = [f"{draw.randint(0, 10**9):010d}" for _ in range(300)]
    users = range(1, 250)
    _quoted(
        folder / "BX-Books.csv",
        ["ISBN", "Book-Title", "Book-Author", "Year-Of-Publication", "Publisher"],
        (
            [isbn, f'Un "été" {i}; part {i}', f"Author {i % 40}", 1980 + i % 25,
             f"Éditions {i % 9}"]
            for i, isbn in enumerate(books)
        ),
    )  # fmt: skip
    _quoted(
        folder / "BX-Users.csv",
        ["User-ID", "Location", "Age"],
        (
            [user, f"{draw.choice(['köln', 'paris', 'roma'])}, "
             f"{draw.choice(['a', 'b'])}, {draw.choice(['germany', 'france'])}",
             draw.choice([None, draw.randint(9, 80)])]
            for user in users
        ),
    )  # fmt: skip
    _quoted(
        folder / "BX-Book-Ratings.csv",
        ["User-ID", "ISBN", "Book-Rating"],
        (
            [draw.choice(users), draw.choice(books), draw.choice([0, 0, 5, 7, 8, 10])]
            for _ in range(1200)
        ),
    )


def _quoted(path: Path, header: list[str], rows: Iterator[list[object]]) -> None:
    lines = [
        ";".join(
            "NULL" if cell is None else '"' + str(cell).replace('"', '\\"') + '"'
            for cell in row
        )
        for row in [header, *rows]
    ]
    path.write_bytes("\r\n".join([*lines, ""]).encode("latin-1"))


def anime(folder: Path) -> None:
    """Writes anime, rating and user files with tabs; -1 is no rating."""
    draw = random.Random(3)
    write(
        folder / "anime.csv",
        [
            ["anime_id", "name", "genre", "type", "episodes", "rating", "members"],
            *(
                [i, f"Anime {i}: the {i}th", ", ".join(draw.sample(GENRES, 1 + i % 3)),
                 draw.choice(["TV", "OVA", "Movie"]), draw.choice(["Unknown", 12, 24]),
                 round(draw.uniform(2, 9), 2), draw.randint(10, 10**6)]
                for i in range(1, 150)
            ),
        ],
        "\t",
    )  # fmt: skip
    write(
        folder / "rating.csv",
        [
            ["user_id", "anime_id", "rating"],
            *(
                [draw.randint(1, 90), draw.randint(1, 149),
                 draw.choice([-1, *range(5, 11)])]
                for _ in range(1500)
            ),
        ],
        "\t",
    )  # fmt: skip
    write(
        folder / "users.csv",
        [
            ["user_id", "gender", "joined"],
            *([i, draw.choice("mf"), f"20{10 + i % 9}-0{1 + i % 9}-11"]
              for i in range(1, 91)),
        ],
        "\t",
    )  # fmt: skip


def criteo(folder: Path) -> None:
    """Writes a label, 13 counts and 26 hashes a row, without a header."""
    draw = random.Random(4)
    rows = [
        [
            draw.randint(0, 1),
            *("" if draw.random() < 0.2 else draw.randint(0, 9 ** (1 + i % 4))
              for i in range(13)),
            *("" if draw.random() < 0.1
              else f"{draw.randrange(50 + i) * 77777777:08x}"[:8] for i in range(26)),
        ]
        for _ in range(600)
    ]  # fmt: skip
    write(folder / "day_0.tsv", rows, "\t")


def shop(*names: str) -> list[list[object]]:
    """Returns a header and rows of a user, an item, a price, and a click or none."""
    draw = random.Random(5)
    rows = [
        [f"u{draw.randrange(40)}", f"i{draw.randrange(60)}",
         round(draw.uniform(1, 90), 2), draw.randint(0, 1)]
        for _ in range(400)
    ]  # fmt: skip
    return [list(names or ("user", "item", "price", "click")), *rows]
