"""Walks one user's ratings in time and tells what was known before each.

A rating may be predicted only from ratings that are strictly older. Ratings that
share a timestamp (people rate in sittings) therefore never see each other: they all
see the same past. The order of a history is time, then movie id as text.
"""

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from shardline.components.readers.movielens.archive import Catalog, Rating

LIKED_FROM_STARS = 4.0


class Past(NamedTuple):
    """What a user had done up to a moment.

    Attributes:
        history: ids of the newest movies rated, oldest first.
        liked: the same of the movies rated `LIKED_FROM_STARS` or better.
        genre_counts: (genre, occurrences) over all movies rated, sorted by genre.
        liked_genre_counts: the same over the movies liked.
        verdict_counts: ("liked", times) and ("other", times) over `history`.
    """

    history: tuple[str, ...]
    liked: tuple[str, ...]
    genre_counts: tuple[tuple[str, int], ...]
    liked_genre_counts: tuple[tuple[str, int], ...]
    verdict_counts: tuple[tuple[str, int], ...]


def is_liked(rating: Rating) -> bool:
    """Tells whether the rating counts as a like."""
    return rating.stars >= LIKED_FROM_STARS


def sittings(
    ratings: Iterable[Rating], catalog: Catalog, history_length: int
) -> Iterator[tuple[list[Rating], Past]]:
    """Pairs the ratings of each sitting with what was known before it.

    Args:
        ratings: all ratings of one user, in any order.
        catalog: where the genres of the movies are found.
        history_length: the most movies in `history` and in `liked`.

    Yields:
        The ratings that share one timestamp, by movie id, with their past; sittings
        by time.

    Raises:
        ArchiveError: a rating names a movie that the catalog lacks.
    """
    walk = _Walk(catalog, history_length)
    for _, same_time in groupby(_in_time(ratings), key=attrgetter("timestamp")):
        sitting = list(same_time)
        yield sitting, walk.past()
        walk.add(sitting)


def past_after(
    ratings: Iterable[Rating], catalog: Catalog, history_length: int
) -> Past:
    """Tells what is known once all ratings of one user are in.

    Args:
        ratings: all ratings of one user, in any order.
        catalog: where the genres of the movies are found.
        history_length: the most movies in `history` and in `liked`.

    Returns:
        The user's past as a rating still to come would see it.

    Raises:
        ArchiveError: a rating names a movie that the catalog lacks.
    """
    walk = _Walk(catalog, history_length)
    walk.add(_in_time(ratings))
    return walk.past()


def _in_time(ratings: Iterable[Rating]) -> list[Rating]:
    return sorted(ratings, key=attrgetter("timestamp", "movie_id"))


class _Walk:
    """The running state behind a `Past`."""

    def __init__(self, catalog: Catalog, history_length: int) -> None:
        self._catalog = catalog
        self._history: deque[str] = deque(maxlen=history_length)
        self._liked: deque[str] = deque(maxlen=history_length)
        self._genres: Counter[str] = Counter()
        self._liked_genres: Counter[str] = Counter()
        self._is_liked: deque[bool] = deque(maxlen=history_length)

    def add(self, ratings: Iterable[Rating]) -> None:
        for rating in ratings:
            genres = self._catalog.movie(rating.movie_id).genres
            self._history.append(rating.movie_id)
            self._is_liked.append(is_liked(rating))
            self._genres.update(genres)
            if is_liked(rating):
                self._liked.append(rating.movie_id)
                self._liked_genres.update(genres)

    def past(self) -> Past:
        likes = sum(self._is_liked)
        return Past(
            tuple(self._history),
            tuple(self._liked),
            tuple(sorted(self._genres.items())),
            tuple(sorted(self._liked_genres.items())),
            (("liked", likes), ("other", len(self._is_liked) - likes)),
        )
