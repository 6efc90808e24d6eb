"""Makes `tf.train.Example`s of a user, a movie and the user's past.

The one place where the columns of a MovieLens example are named and filled, for
training (one example a rating) and for scoring (one example a candidate movie).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

import tensorflow as tf

from shardline.components.readers.example_reader import Column
from shardline.components.readers.movielens.archive import (
    Catalog,
    Movie,
    Rating,
    User,
    read_catalog,
    read_ratings,
)
from shardline.components.readers.movielens.history import (
    Past,
    is_liked,
    past_after,
    sittings,
)

COLUMNS: Mapping[str, Column] = MappingProxyType(
    {
        "label": Column("float"),  # 1.0 for a like, else 0.0
        "timestamp": Column("int64"),  # seconds
        "user_id": Column("string"),
        "age_band": Column("string"),
        "gender": Column("string"),
        "occupation": Column("string"),
        "zip_prefix": Column("string"),
        "movie_id": Column("string"),
        "decade": Column("string"),
        "genres": Column("string", ragged=True),
        "history": Column("string", ragged=True),
        "liked": Column("string", ragged=True),
        "past_genres": Column("string", ragged=True),  # aligned with the counts
        "past_genre_counts": Column("float", ragged=True),
        "liked_genres": Column("string", ragged=True),  # aligned with the counts
        "liked_genre_counts": Column("float", ragged=True),
        "past_verdicts": Column("string", ragged=True),  # aligned with the counts
        "past_verdict_counts": Column("float", ragged=True),  # each one too many
    }
)

_AGE_BANDS = (
    (55, "55+"),
    (45, "45-54"),
    (35, "35-44"),
    (25, "25-34"),
    (18, "18-24"),
    (0, "0-17"),
)
_ZIP_PREFIX_CHARACTERS = 3


def rating_examples(
    user_id: str,
    ratings: Iterable[Rating],
    catalog: Catalog,
    history_length: int,
    *,
    wanted: Callable[[int], bool] = lambda _: True,
) -> Iterator[tuple[Rating, tf.train.Example]]:
    """Makes one labelled example of each rating of one user.

    Args:
        user_id: whose ratings they are.
        ratings: all ratings of that user, in any order.
        catalog: where the user and the movies are found.
        history_length: the most movies in `history` and in `liked`.
        wanted: tells of a timestamp whether its ratings become examples; whether they
            do or not, they are past for later ones.

    Yields:
        Each wanted rating with its example, which holds all of `COLUMNS`; by time and
        then by movie id.

    Raises:
        ArchiveError: a rating names a user or a movie that the catalog lacks.
    """
    user = _user_features(user_id, catalog.user(user_id))
    for sitting, past in sittings(ratings, catalog, history_length):
        if not wanted(sitting[0].timestamp):
            continue
        shared = user | _past_features(past)
        for rating in sitting:
            movie = _movie_features(rating.movie_id, catalog.movie(rating.movie_id))
            of_rating = _features(
                label=[float(is_liked(rating))], timestamp=[rating.timestamp]
            )
            yield rating, _example(shared | movie | of_rating)


def candidate_examples(
    path: str, user_id: str, history_length: int = 50
) -> dict[str, tf.train.Example]:
    """Makes one unlabelled example of each movie a user may be shown next.

    The examples hold all of `COLUMNS` but `label`. Their time is one second after
    the user's last rating, so all of the user's ratings are past.

    Args:
        path: the archive.
        user_id: whom to score for.
        history_length: the most movies in `history` and in `liked`; the length the
            model was trained with.

    Returns:
        Examples by movie id, of all movies that the user has not rated.

    Raises:
        ArchiveError: the archive is not as its format says.
        ValueError: no rating is of this user.
    """
    everybody = list(read_ratings(path))
    ratings = [rating for rating in everybody if rating.user_id == user_id]
    if not ratings:
        known = {rating.user_id for rating in everybody}
        raise ValueError(
            f"{path}: user {user_id!r} has rated nothing; {len(known)} users have, "
            f"for example {', '.join(sorted(known)[:3])}. Name one of those."
        )
    catalog = read_catalog(path)
    shared = (
        _features(timestamp=[max(rating.timestamp for rating in ratings) + 1])
        | _user_features(user_id, catalog.user(user_id))
        | _past_features(past_after(ratings, catalog, history_length))
    )
    rated = {rating.movie_id for rating in ratings}
    return {
        movie_id: _example(shared | _movie_features(movie_id, movie))
        for movie_id, movie in catalog.movies.items()
        if movie_id not in rated
    }


def _user_features(user_id: str, user: User) -> dict[str, tf.train.Feature]:
    return _features(
        user_id=[user_id],
        age_band=[next(band for least, band in _AGE_BANDS if user.age >= least)],
        gender=[user.gender],
        occupation=[user.occupation],
        zip_prefix=[user.zip_code[:_ZIP_PREFIX_CHARACTERS]],
    )


def _movie_features(movie_id: str, movie: Movie) -> dict[str, tf.train.Feature]:
    decade = "unknown" if movie.year is None else f"{movie.year // 10 * 10}s"
    return _features(movie_id=[movie_id], decade=[decade], genres=movie.genres)


def _past_features(past: Past) -> dict[str, tf.train.Feature]:
    return _features(
        history=past.history,
        liked=past.liked,
        past_genres=[genre for genre, _ in past.genre_counts],
        past_genre_counts=[float(count) for _, count in past.genre_counts],
        liked_genres=[genre for genre, _ in past.liked_genre_counts],
        liked_genre_counts=[float(count) for _, count in past.liked_genre_counts],
        past_verdicts=[verdict for verdict, _ in past.verdict_counts],
        # One more of each, so that nobody's first ratings make an extreme share.
        past_verdict_counts=[1.0 + count for _, count in past.verdict_counts],
    )


def _features(**columns: Sequence[str | float]) -> dict[str, tf.train.Feature]:
    """Stores each column's values as the dtype that `COLUMNS` gives it."""
    return {name: _feature(COLUMNS[name], values) for name, values in columns.items()}


def _feature(column: Column, values: Sequence[str | float]) -> tf.train.Feature:
    if column.dtype == "string":
        encoded = [str(value).encode() for value in values]
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=encoded))
    if column.dtype == "float":
        return tf.train.Feature(float_list=tf.train.FloatList(value=values))
    return tf.train.Feature(int64_list=tf.train.Int64List(value=values))


def _example(features: Mapping[str, tf.train.Feature]) -> tf.train.Example:
    return tf.train.Example(features=tf.train.Features(feature=features))
