"""Reads MovieLens-100K with Beam: one example a rating, split by time.

The ratings are grouped by user, each user is walked in time order, and the examples
of all users are mixed. "eval" holds the newest ratings of all users together, as a
model meets them in service; "train" holds the rest.

Assumes that one user's ratings, and the timestamps of all ratings, fit in memory.
"""

import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

import apache_beam as beam
import tensorflow as tf
from apache_beam.pvalue import AsSingleton, PCollection, TaggedOutput
from apache_beam.transforms import combiners

from components.columns import Column
from components.movielens.archive import Catalog, Rating, read_catalog, read_ratings
from components.movielens.examples import COLUMNS, rating_examples

_MIXING_GROUPS = 32
_Keyed = tuple[int, tuple[int, bytes]]  # (group, (order in it, serialized example))
_Train = TaggedOutput[Literal["train"], _Keyed]
_Eval = TaggedOutput[Literal["eval"], _Keyed]


class MovieLens100K:
    """Reader of the MovieLens-100K archive.

    A rating is a like (label 1.0) from 4 stars on. All that an example tells of the
    user's past is strictly older than the example, whatever split that past is in.
    """

    columns: Mapping[str, Column] = COLUMNS

    def __init__(self, *, eval_fraction: float = 0.2, history_length: int = 50) -> None:
        """Checks the options.

        Args:
            eval_fraction: The part of the ratings, the newest, in split "eval". Ratings
                at the very boundary timestamp all go to "eval".
            history_length: The most movies in `history` and in `liked`.

        Raises:
            ValueError: An option is out of its range.
        """
        if not isinstance(eval_fraction, float) or not 0.0 < eval_fraction < 1.0:
            raise ValueError(
                f"eval_fraction is {eval_fraction!r}, expected a number above 0 "
                "and below 1. Set the part of the ratings to evaluate on, such as 0.2."
            )
        if not isinstance(history_length, int) or history_length < 1:
            raise ValueError(
                f"history_length is {history_length!r}, expected a whole number from "
                "1 on. Set the most past movies an example holds, for example 50."
            )
        self._eval_fraction = eval_fraction
        self._history_length = history_length

    def examples(
        self, root: beam.Pipeline, path: str
    ) -> dict[str, PCollection[tf.train.Example]]:
        """Adds the reading of an archive to a pipeline.

        When the pipeline runs it raises ArchiveError for an archive that is not as
        its format says, and ValueError if either split would be empty.

        Args:
            root: The pipeline to read in.
            path: The archive.

        Returns:
            The examples of splits "train" and "eval", users mixed.
        """
        source = root | "Archive" >> beam.Create([path])
        catalog = source | "ReadCatalog" >> beam.Map(read_catalog)
        ratings = source | "ReadRatings" >> beam.FlatMap(read_ratings)
        boundary = (
            ratings
            | "Timestamp" >> beam.Map(lambda rating: rating.timestamp)
            | "AllTimestamps" >> combiners.ToList()
            | "Boundary" >> beam.Map(_eval_starts_at, self._eval_fraction)
        )
        splits = (
            ratings
            | "KeyByUser" >> beam.Map(_by_user)
            | "GroupByUser" >> beam.GroupByKey()
            | "WalkUser"
            >> beam.FlatMap(
                _split_examples,
                self._history_length,
                catalog=AsSingleton(catalog),
                boundary=AsSingleton(boundary),
            ).with_outputs("train", "eval")
        )
        return {
            "train": splits["train"] | "MixTrain" >> _Mix(),
            "eval": splits["eval"] | "MixEval" >> _Mix(),
        }


def _by_user(rating: Rating) -> tuple[str, tuple[str, float, int]]:
    return rating.user_id, (rating.movie_id, rating.stars, rating.timestamp)


def _eval_starts_at(timestamps: list[int], eval_fraction: float) -> int:
    """Returns the oldest timestamp of split "eval"; everything older is "train"."""
    ordered = sorted(timestamps)
    total = len(ordered)
    first_eval = total - round(total * eval_fraction)
    if first_eval == total:
        raise ValueError(_empty_split("eval", total, eval_fraction))
    if ordered[first_eval] == ordered[0]:
        raise ValueError(_empty_split("train", total, eval_fraction))
    return ordered[first_eval]


def _empty_split(split: str, total: int, eval_fraction: float) -> str:
    return (
        f"Split {split!r} is empty: {total} ratings were split by time with "
        f"eval_fraction {eval_fraction}, expected ratings on both sides. Change "
        "eval_fraction or read an archive with more ratings."
    )


def _split_examples(
    user_ratings: tuple[str, Iterable[tuple[str, float, int]]],
    history_length: int,
    catalog: Catalog,
    boundary: int,
) -> Iterator[_Train | _Eval]:
    """Yields one user's examples, keyed for mixing and tagged with their split."""
    user_id, fields = user_ratings
    ratings = [Rating(user_id, *rest) for rest in fields]
    for rating, example in rating_examples(user_id, ratings, catalog, history_length):
        order = zlib.crc32(f"{user_id} {rating.movie_id}".encode())
        keyed = order % _MIXING_GROUPS, (order, example.SerializeToString())
        if rating.timestamp < boundary:
            yield _Train("train", keyed)
        else:
            yield _Eval("eval", keyed)


class _Mix(beam.PTransform):
    """Parts the examples of one user.

    beam.Reshuffle promises no order, and on the DirectRunner it keeps the one it is
    given. Here the order inside a group comes from the keys alone.
    """

    def expand(self, keyed: PCollection[_Keyed]) -> PCollection[tf.train.Example]:
        return keyed | beam.GroupByKey() | "Order" >> beam.FlatMap(_in_order)


def _in_order(
    group: tuple[int, Iterable[tuple[int, bytes]]],
) -> Iterator[tf.train.Example]:
    for _, serialized in sorted(group[1]):
        yield tf.train.Example.FromString(serialized)
