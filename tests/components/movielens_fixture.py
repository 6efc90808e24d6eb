"""Writes a small synthetic archive in the format of MovieLens-100K.

A rating follows from how good the movie is and how much the user cares for its
genres, plus noise, so a model has something to learn. As in the real data a user
rates in one or two sittings within days, users come one after another, and several
ratings share a second.
"""

import random
import zipfile
from pathlib import Path

_GENRES = ("Action", "Children's", "Comedy", "Drama", "Film-Noir", "Romance", "Sci-Fi")
_OCCUPATIONS = ("student", "engineer", "writer", "other")
_FOLDER = "recbole/dataset_example/ml-100k/ml-100k"
_FIRST_SECOND = 874_724_710
_SECONDS_BETWEEN_USERS = 200_000
_COMES_BACK_EVERY = 5  # every fifth user has a second sitting, much later


def write_movielens_zip(
    path: Path,
    users: int = 60,
    movies: int = 80,
    ratings_per_user: int = 40,
    seed: int = 0,
) -> None:
    """Writes the archive.

    Args:
        path: The zip to write.
        users: How many users rate.
        movies: How many movies there are, at least `ratings_per_user`.
        ratings_per_user: How many different movies each user rates.
        seed: The same seed writes the same ratings.
    """
    rng = random.Random(seed)
    genres = {
        str(movie): rng.sample(_GENRES, rng.randint(1, 3))
        for movie in range(1, movies + 1)
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{_FOLDER}.item", _item_file(genres, rng))
        archive.writestr(f"{_FOLDER}.user", _user_file(users, rng))
        archive.writestr(
            f"{_FOLDER}.inter", _inter_file(genres, users, ratings_per_user, rng)
        )


def _item_file(genres: dict[str, list[str]], rng: random.Random) -> str:
    rows = [
        (movie, f"Film No. {movie}", str(rng.randint(1935, 1998)), " ".join(kinds))
        for movie, kinds in genres.items()
    ]
    # Like two movies of the real file, the last one has no year and no genre.
    rows[-1] = (rows[-1][0], "unkonwn", "unkonwn", "unknown")
    return _table(
        "item_id:token movie_title:token_seq release_year:token class:token_seq", rows
    )


def _user_file(users: int, rng: random.Random) -> str:
    rows = [
        (
            str(user),
            str(rng.randint(7, 73)),
            rng.choice("FM"),
            rng.choice(_OCCUPATIONS),
            rng.choice(("94043", "10003", "T8H1N", "55105")),
        )
        for user in range(1, users + 1)
    ]
    return _table(
        "user_id:token age:token gender:token occupation:token zip_code:token", rows
    )


def _inter_file(
    genres: dict[str, list[str]], users: int, ratings_per_user: int, rng: random.Random
) -> str:
    quality = {movie: rng.gauss(3.5, 0.6) for movie in genres}
    rows = []
    for user in range(1, users + 1):
        taste = {genre: rng.gauss(0.0, 0.9) for genre in _GENRES}
        second = _FIRST_SECOND + user * _SECONDS_BETWEEN_USERS
        for place, movie in enumerate(rng.sample(sorted(genres), ratings_per_user)):
            if place == ratings_per_user // 2 and user % _COMES_BACK_EVERY == 0:
                second += users * _SECONDS_BETWEEN_USERS // 2
            second += rng.choice((0, 0, 17, 40))
            match = sum(taste.get(genre, 0.0) for genre in genres[movie])
            stars = round(quality[movie] + match + rng.gauss(0.0, 0.4))
            rows.append((str(user), movie, str(min(max(stars, 1), 5)), str(second)))
    rng.shuffle(rows)
    return _table(
        "user_id:token item_id:token rating:float timestamp:float",
        rows,
    )


def _table(header: str, rows: list[tuple[str, ...]]) -> str:
    return "".join("\t".join(row) + "\n" for row in [header.split(" "), *rows])
