"""Reads MovieLens-100K with Beam: one example a rating, split by time.

The ratings are grouped by user, each user is walked in time order, and the examples
of all users are mixed. "eval" holds the newest ratings of all users together, as a
model meets them in service, "validation" the newest before them if asked for; "train"
holds the rest. Cut into spans by time, the examples of a span know all older ratings.

Assumes that one user's ratings, and the timestamps of all ratings, fit in memory.
"""

import itertools
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, get_args

import apache_beam as beam
import tensorflow as tf
from apache_beam.pvalue import AsSingleton, PCollection, TaggedOutput
from apache_beam.transforms import combiners

from shardline.components.readers.example_reader import Column
from shardline.components.readers.movielens.archive import (
    Catalog,
    Rating,
    read_catalog,
    read_ratings,
)
from shardline.components.readers.movielens.examples import COLUMNS, rating_examples
from shardline.components.readers.movielens.spans import found_spans
from shardline.components.readers.span_reader import FoundSpan
from shardline.configs.span_names import Every, read_span

_MIXING_GROUPS = 32
_Keyed = tuple[int, tuple[int, bytes]]  # (group, (order in it, serialized example))
_Starts = list[tuple[str, int]]  # (split, its oldest timestamp), oldest split first


class MovieLens100K:
    """Reader of the MovieLens-100K archive.

    A rating is a like (label 1.0) from 4 stars on. All that an example tells of the
    user's past is strictly older than the example, whatever split that past is in.
    """

    columns: Mapping[str, Column] = COLUMNS

    def __init__(
        self,
        *,
        eval_fraction: float = 0.2,
        validation_fraction: float = 0.0,
        history_length: int = 50,
        every: Every | None = None,
    ) -> None:
        """Checks the options.

        Args:
            eval_fraction: the part of the ratings, the newest, in split "eval". Ratings
                at the very boundary timestamp all go to "eval".
            validation_fraction: the part of the ratings, the newest of those before
                "eval", in split "validation"; 0 for no such split.
            history_length: the most movies in `history` and in `liked`.
            every: how long a span is; `data.spans.every` of a configuration gives it.

        Raises:
            ValueError: an option is out of its range.
        """
        if not isinstance(eval_fraction, float) or not 0.0 < eval_fraction < 1.0:
            raise ValueError(
                f"eval_fraction is {eval_fraction!r}, expected a number above 0 "
                "and below 1. Set the part of the ratings to evaluate on, such as 0.2."
            )
        rest = 1.0 - eval_fraction
        if not 0.0 <= validation_fraction < rest:
            raise ValueError(
                f"validation_fraction is {validation_fraction!r}, expected a number "
                f"from 0 on and below {rest:g}, which eval_fraction leaves."
            )
        if not isinstance(history_length, int) or history_length < 1:
            raise ValueError(
                f"history_length is {history_length!r}, expected a whole number from "
                "1 on. Set the most past movies an example holds, for example 50."
            )
        if every is not None and every not in get_args(Every):
            raise ValueError(
                f"every is {every!r}, expected one of {', '.join(get_args(Every))}. "
                "Correct `data.spans.every`."
            )
        self._every = every
        self._fractions = {"eval": eval_fraction}
        if validation_fraction:
            self._fractions = {"validation": validation_fraction} | self._fractions
        self._history_length = history_length

    @property
    def splits(self) -> tuple[str, ...]:
        """Names of the splits, oldest first."""
        return ("train", *self._fractions)

    def examples(
        self, root: beam.Pipeline, path: str
    ) -> dict[str, PCollection[tf.train.Example]]:
        """Adds the reading of an archive to a pipeline.

        When the pipeline runs it raises ArchiveError for an archive that is not as
        its format says, and ValueError if a split would be empty.

        Args:
            root: the pipeline to read in.
            path: the archive.

        Returns:
            The examples of each split, users mixed.
        """
        source = root | "Archive" >> beam.Create([path])
        catalog = source | "ReadCatalog" >> beam.Map(read_catalog)
        ratings = source | "ReadRatings" >> beam.FlatMap(read_ratings)
        starts = (
            ratings
            | "Timestamp" >> beam.Map(lambda rating: rating.timestamp)
            | "AllTimestamps" >> combiners.ToList()
            | "SplitStarts" >> beam.Map(_split_starts, self._fractions)
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
                starts=AsSingleton(starts),
            ).with_outputs(*self.splits)
        )
        return {name: splits[name] | f"Mix[{name}]" >> _Mix() for name in self.splits}

    def spans(self, path: str) -> list[FoundSpan]:
        """Returns the spans that the ratings are of, in the order of time.

        The digest of a span is that of its own ratings.

        Args:
            path: the archive.

        Raises:
            ArchiveError: the archive is not as its format says.
            ValueError: it was not said how long a span is.
        """
        if self._every is None:
            raise ValueError(
                "every is None: it is not known how long a span is. Give "
                "`data.spans.every`, such as month."
            )
        return found_spans(read_ratings(path), self._every)

    def span_examples(
        self, root: beam.Pipeline, path: str, spans: Sequence[FoundSpan]
    ) -> dict[FoundSpan, PCollection[bytes]]:
        """Adds the reading of some spans to a pipeline.

        Args:
            root: the pipeline to read in.
            path: the archive.
            spans: of `spans`.

        Returns:
            Serialized examples of each span; they know all older ratings, of whatever
            span.

        Raises:
            ArchiveError: the archive is not as its format says.
            ValueError: a span is not there as it was found.
        """
        there = self.spans(path)
        if changed := [span for span in spans if span not in there]:
            raise ValueError(
                f"{path}: span {changed[0].span} has changed since it was found, or is "
                "gone. Run again, to plan with what is there now."
            )
        periods = [
            (f"span-{number}", period.start, period.end)
            for number, span in enumerate(spans)
            for period in [read_span(span.span)]
            if period
        ]
        source = root | "Archive" >> beam.Create([path])
        catalog = source | "ReadCatalog" >> beam.Map(read_catalog)
        tags = [tag for tag, _, _ in periods]
        users = (
            source
            | "ReadRatings" >> beam.FlatMap(read_ratings)
            | "KeyByUser" >> beam.Map(_by_user)
            | "GroupByUser" >> beam.GroupByKey()
            | "WalkUser"
            >> beam.FlatMap(
                _span_examples, self._history_length, periods, AsSingleton(catalog)
            ).with_outputs(*tags)
        )
        return {span: users[tag] for span, tag in zip(spans, tags, strict=True)}


def _by_user(rating: Rating) -> tuple[str, tuple[str, float, int]]:
    return rating.user_id, (rating.movie_id, rating.stars, rating.timestamp)


def _split_starts(timestamps: list[int], fractions: Mapping[str, float]) -> _Starts:
    """Returns the oldest timestamp of each split; "train" starts with the oldest."""
    ordered = sorted(timestamps)
    total = len(ordered)
    starts: _Starts = []
    end = total
    for split, fraction in reversed(list(fractions.items())):
        first = end - round(total * fraction)
        if first == end:
            raise ValueError(_empty_split(split, total, fractions))
        starts.insert(0, (split, ordered[first]))
        end = first
    starts.insert(0, ("train", ordered[0]))
    for (split, start), (_, next_start) in itertools.pairwise(starts):
        if start == next_start:
            raise ValueError(_empty_split(split, total, fractions))
    return starts


def _empty_split(split: str, total: int, fractions: Mapping[str, float]) -> str:
    rule = ", ".join(f"{name}_fraction {part}" for name, part in fractions.items())
    return (
        f"Split {split!r} is empty: {total} ratings were split by time with {rule}, "
        "expected ratings on all sides. Change the fractions or read an archive with "
        "more ratings."
    )


def _split_examples(
    user_ratings: tuple[str, Iterable[tuple[str, float, int]]],
    history_length: int,
    catalog: Catalog,
    starts: _Starts,
) -> Iterator[Any]:
    """Yields one user's examples, keyed for mixing and tagged with their split."""
    user_id, fields = user_ratings
    ratings = [Rating(user_id, *rest) for rest in fields]
    for rating, example in rating_examples(user_id, ratings, catalog, history_length):
        order = zlib.crc32(f"{user_id} {rating.movie_id}".encode())
        keyed = order % _MIXING_GROUPS, (order, example.SerializeToString())
        split = [name for name, start in starts if start <= rating.timestamp][-1]
        yield TaggedOutput(split, keyed)


def _span_examples(
    user_ratings: tuple[str, Iterable[tuple[str, float, int]]],
    history_length: int,
    periods: Sequence[tuple[str, int, int]],
    catalog: Catalog,
) -> Iterator[Any]:
    """Yields one user's examples of some periods, tagged with their span."""
    user_id, fields = user_ratings
    last = max(end for _, _, end in periods)
    ratings = [Rating(user_id, *rest) for rest in fields if rest[2] < last]

    def period_of(timestamp: int) -> str | None:
        for tag, start, end in periods:
            if start <= timestamp < end:
                return tag
        return None

    for rating, example in rating_examples(
        user_id,
        ratings,
        catalog,
        history_length,
        wanted=lambda timestamp: period_of(timestamp) is not None,
    ):
        tag = period_of(rating.timestamp)
        assert tag
        yield TaggedOutput(tag, example.SerializeToString())


class _Mix(beam.PTransform[Any, Any]):
    """Parts the examples of one user.

    beam.Reshuffle promises no order, and Beam's in-memory runner keeps the one that it
    is given. Here the order inside a group comes from the keys alone.
    """

    def expand(self, keyed: PCollection[_Keyed]) -> PCollection[tf.train.Example]:
        grouped = keyed | beam.GroupByKey()
        examples: PCollection[tf.train.Example] = grouped | beam.FlatMap(_in_order)
        return examples


def _in_order(
    group: tuple[int, Iterable[tuple[int, bytes]]],
) -> Iterator[tf.train.Example]:
    for _, serialized in sorted(group[1]):
        yield tf.train.Example.FromString(serialized)
