"""Files of the form of MovieLens latest-small, with made-up rows.

Four files of CSV with commas: ratings in half stars with a time; movies whose titles
are quoted where they hold a comma, with genres between `|`; tags; links whose numbers
begin with zeros and may be missing.
"""

import csv
import random
from pathlib import Path
from typing import Any

GENRES = ["Action", "Comedy", "Drama", "Film-Noir", "Sci-Fi"]
NO_GENRES = "(no genres listed)"
RATINGS, MOVIES, USERS = 4000, 90, 120
FIRST_SECOND = 830_000_000


def write(folder: Path) -> list[dict[str, Any]]:
    """Writes the files, and returns the ratings joined with movies and links.

    Args:
        folder: where the files are put.

    Returns:
        Of each rating in the order of the file: user, movie, label, title,
        genres, imdb and tmdb, the last of which may be None.
    """
    draw = random.Random(1)
    movies = {1 + 7 * n: _movie(draw, n) for n in range(MOVIES)}
    likes = {user: draw.choice(GENRES) for user in range(1, USERS + 1)}
    rated = []
    for number in range(RATINGS):
        user, movie = draw.randint(1, USERS), draw.choice([*movies])
        is_liked = likes[user] in movies[movie]["genres"]
        stars = min(5.0, max(0.5, draw.randrange(1, 8) / 2 + 1.5 * is_liked))
        rated.append((user, movie, stars, FIRST_SECOND + 1000 * number))
    rated.sort()
    _write(folder, "ratings.csv", "userId,movieId,rating,timestamp", rated)
    _write(
        folder,
        "movies.csv",
        "movieId,title,genres",
        [(m, of["title"], "|".join(of["genres"])) for m, of in movies.items()],
    )
    _write(
        folder,
        "tags.csv",
        "userId,movieId,tag,timestamp",
        [(u, m, 'so "good", again', second) for u, m, _, second in rated[::50]],
    )
    _write(
        folder,
        "links.csv",
        "movieId,imdbId,tmdbId",
        [(m, of["imdb"], of["tmdb"] or "") for m, of in movies.items()],
    )
    return [
        {
            "user": str(u),
            "movie": str(m),
            "label": float(s >= 4),
            "time": t,
            **movies[m],
        }
        for u, m, s, t in rated
    ]


def _movie(draw: random.Random, number: int) -> dict[str, Any]:
    names = ["Tale {}, The", 'The "{}" Story', "{} (a.k.a. Nº {})", "Été {}"]
    genres = draw.sample(GENRES, draw.randint(1, 2)) if number % 20 else [NO_GENRES]
    return {
        "title": f"{draw.choice(names).format(number, number)} ({1950 + number % 60})",
        "genres": genres,
        "imdb": f"{110_000 + number:07}",
        "tmdb": None if number % 30 == 0 else str(800 + number),
    }


def _write(folder: Path, name: str, header: str, rows: list[tuple[Any, ...]]) -> None:
    with (folder / name).open("w", newline="", encoding="utf-8") as file:
        written = csv.writer(file, lineterminator="\r\n")
        written.writerow(header.split(","))
        written.writerows(rows)
