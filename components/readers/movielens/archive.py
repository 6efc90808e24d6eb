"""Parses the MovieLens-100K archive: plain Python in, plain Python out.

The archive is any zip (a wheel is one) that holds three members of tab-separated
text with a typed header line such as `user_id:token`:

    ml-100k/ml-100k.inter   who rated what, with how many stars, when
    ml-100k/ml-100k.user    who the users are
    ml-100k/ml-100k.item    what the movies are

Columns are found by name, so their order is free and further ones are ignored.
Every fault is an ArchiveError that names the archive, the member and the line.
"""

import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from shardline.components.remote.archives import open_archive

RATINGS = "ml-100k/ml-100k.inter"
USERS = "ml-100k/ml-100k.user"
MOVIES = "ml-100k/ml-100k.item"


class ArchiveError(ValueError):
    """An archive does not hold what the MovieLens-100K format promises."""


class Rating(NamedTuple):
    """One user's judgement of one movie; `timestamp` is in seconds."""

    user_id: str
    movie_id: str
    stars: float
    timestamp: int


class User(NamedTuple):
    """One row of the user file; `age` is in years."""

    age: int
    gender: str
    occupation: str
    zip_code: str


class Movie(NamedTuple):
    """One row of the movie file; `year` is None where the file has no number."""

    title: str
    year: int | None
    genres: tuple[str, ...]


@dataclass(frozen=True)
class Catalog:
    """Everybody and everything a rating may name.

    Attributes:
        path: the archive it was read from, for messages.
        users: the users, by id.
        movies: the movies, by id.
    """

    path: str
    users: Mapping[str, User]
    movies: Mapping[str, Movie]

    def user(self, user_id: str) -> User:
        """Looks a user up.

        Raises:
            ArchiveError: the user file has no row of that id.
        """
        if user_id not in self.users:
            raise ArchiveError(_no_row(self.path, "user", user_id, USERS))
        return self.users[user_id]

    def movie(self, movie_id: str) -> Movie:
        """Looks a movie up.

        Raises:
            ArchiveError: the movie file has no row of that id.
        """
        if movie_id not in self.movies:
            raise ArchiveError(_no_row(self.path, "movie", movie_id, MOVIES))
        return self.movies[movie_id]


def read_ratings(path: str) -> Iterator[Rating]:
    """Reads the ratings, in the order of the file.

    Args:
        path: the archive.

    Yields:
        One rating a line.

    Raises:
        ArchiveError: the archive, its member, its header or one of its lines is
            not as the format says.
    """
    columns = ("user_id", "item_id", "rating", "timestamp")
    for line, (user_id, movie_id, stars, seconds) in _rows(path, RATINGS, columns):
        try:
            yield Rating(user_id, movie_id, float(stars), int(float(seconds)))
        except (ValueError, OverflowError) as error:
            raise ArchiveError(
                f"{path}: {RATINGS}, line {line}: rating {stars!r} at timestamp "
                f"{seconds!r} is not two numbers. Correct or remove the line."
            ) from error


def read_catalog(path: str) -> Catalog:
    """Reads the users and the movies.

    Args:
        path: the archive.

    Returns:
        Both, by id.

    Raises:
        ArchiveError: the archive, a member, a header or a line is not as the format
            says.
    """
    return Catalog(path, dict(_users(path)), dict(_movies(path)))


def movie_titles(path: str) -> dict[str, str]:
    """Names the movies for people.

    Args:
        path: the archive.

    Returns:
        Titles by movie id, with the year where it is known: "Toy Story (1995)".

    Raises:
        ArchiveError: the archive, its movie file, a header or a line is not as the
            format says.
    """
    return {
        movie_id: f"{movie.title} ({movie.year})" if movie.year else movie.title
        for movie_id, movie in _movies(path)
    }


def _users(path: str) -> Iterator[tuple[str, User]]:
    columns = ("user_id", "age", "gender", "occupation", "zip_code")
    for line, (user_id, age, gender, occupation, zip_code) in _rows(
        path, USERS, columns
    ):
        if not age.isdecimal():
            raise ArchiveError(
                f"{path}: {USERS}, line {line}: age {age!r} is not a whole number of "
                "years. Correct or remove the line."
            )
        yield user_id, User(int(age), gender, occupation, zip_code)


def _movies(path: str) -> Iterator[tuple[str, Movie]]:
    columns = ("item_id", "movie_title", "release_year", "class")
    for _, (movie_id, title, year, genres) in _rows(path, MOVIES, columns):
        # Two movies of the real file have a word where the year should be.
        number = int(year) if year.isdecimal() else None
        yield movie_id, Movie(title, number, tuple(genres.split()))


def _rows(
    path: str, member: str, columns: tuple[str, ...]
) -> Iterator[tuple[int, list[str]]]:
    """Yields (line number, values of `columns`) for each line below the header."""
    header, *lines = _text(path, member).removesuffix("\n").split("\n")
    names = [typed.partition(":")[0] for typed in header.split("\t")]
    missing = sorted(set(columns) - set(names))
    if missing:
        raise ArchiveError(
            f"{path}: the header of {member} lacks {', '.join(missing)}; it has "
            f"{', '.join(names)}. Restore the named columns, tab-separated."
        )
    indices = [names.index(column) for column in columns]
    for line, text in enumerate(lines, start=2):
        fields = text.split("\t")
        if len(fields) != len(names):
            raise ArchiveError(
                f"{path}: {member}, line {line} has {len(fields)} tab-separated "
                f"fields, expected {len(names)} as in its header: {text[:80]!r}. "
                "Correct or remove the line."
            )
        yield line, [fields[index] for index in indices]


def _text(path: str, member: str) -> str:
    """Returns the whole of one member, its line ends made plain."""
    try:
        with open_archive(path) as archive:
            names = [name for name in archive.namelist() if name.endswith(member)]
            if len(names) != 1:
                raise ArchiveError(
                    f"{path}: {len(names)} members end in {member}, expected 1. "
                    "Point the run at a zip of the MovieLens-100K atomic files."
                )
            return archive.read(names[0]).decode("utf-8").replace("\r\n", "\n")
    except FileNotFoundError as error:
        raise ArchiveError(
            f"{path}: there is no such file. Fetch the data set first."
        ) from error
    except OSError as error:
        raise ArchiveError(
            f"{path}: cannot be read: {error.strerror or error}. Let this account read "
            "it, or try again."
        ) from error
    except (zipfile.BadZipFile, zlib.error) as error:
        raise ArchiveError(
            f"{path}: not a readable zip ({error}). Fetch the data set again."
        ) from error
    except UnicodeDecodeError as error:
        raise ArchiveError(
            f"{path}: {member} is not UTF-8 ({error}). Convert it to UTF-8."
        ) from error


def _no_row(path: str, kind: str, key: str, member: str) -> str:
    return (
        f"{path}: {RATINGS} names {kind} {key!r}, but {member} has no such row. "
        f"Add the {kind} or remove its ratings."
    )
