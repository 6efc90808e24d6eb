"""Which spans files hold, and what is to be read for each."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeVar

from shardline.components.readers.files.judging.bad_input import BadInputError
from shardline.components.readers.files.locations import SPAN, facts_of, match
from shardline.components.readers.files.read_settings import ReadSettings
from shardline.components.readers.files.spans.cutting import SpanSums, spans_of_files
from shardline.components.readers.files.spans.patterns import (
    SpanOfFiles,
    files_by_span,
)
from shardline.components.readers.files.spans.times import TimeRule
from shardline.components.readers.span_reader import FoundSpan
from shardline.configs.shown import escaped
from shardline.configs.span_names import Every, read_span

_T = TypeVar("_T")


class SpanToRead(NamedTuple):
    """What is to be read for one span.

    Attributes:
        found: the span.
        files: those that may hold examples of it.
        settings: how they are read; their split is the span's name.
    """

    found: FoundSpan
    files: tuple[str, ...]
    settings: ReadSettings


class SpansOfFiles:
    """Spans by `{SPAN}` in a pattern of files, or else cut from a column of times."""

    def __init__(
        self,
        pattern: str,
        settings: ReadSettings,
        *,
        column: str | None,
        every: Every | None,
    ) -> None:
        """Checks that it is known what a span is.

        Args:
            pattern: of the files, below the data's path.
            settings: how they are read; held-out splits are not taken out of spans.
            column: the column of times.
            every: how long spans are; None: the files' names tell.

        Raises:
            ValueError: if it is not, or the column cannot hold times as it is read.
        """
        if SPAN not in pattern and not (column and every):
            raise ValueError(
                f"Nothing tells which span a file of `{pattern}` is of. Give {SPAN} in "
                "the pattern of split `train` (`data.files.splits`), or "
                "`data.spans.column` and `data.spans.every`."
            )
        if column and (read := settings.columns.get(column)):
            if read.dtype == "float" or read.ragged:
                raise ValueError(
                    f"Column `{column}` (`data.spans.column`) is read as "
                    f"{'lists' if read.ragged else 'float'} by a feature or number, "
                    "expected one int64 or string: floats of 32 bits cannot tell "
                    "seconds apart. Give `dtype: int64` there."
                )
        self._pattern = pattern
        self._column = column
        self._every = every
        self._settings = dataclasses.replace(settings, held_out={})

    def found(self, path: str) -> list[FoundSpan]:
        """Returns all versions of all spans, in the order of time.

        Raises:
            BadInputError: if a name is no span, two spans overlap, or a time is bad.
        """
        if SPAN in self._pattern:
            return [_found(path, span) for span in self._named(path)]
        return _totals(self._cut(path))

    def try_out(self, path: str) -> None:
        """Looks at the names of all files, and at the times of the first one.

        Raises:
            BadInputError: if a name is no span, two spans overlap, or a time is bad or
                of another span than the file's name tells.
        """
        if SPAN not in self._pattern:
            assert self._every  # as was checked
            self._times(match(path, self._pattern)[0], self._every)
            return
        span, _, files = self._named(path)[0]
        if self._column:
            names = self._times(files[0], span.every or "hour")
            if span.every and (others := sorted(set(names) - {span.name})):
                raise BadInputError(
                    f"{escaped(files[0], keep='')}: column `{self._column}` holds "
                    f"times of span {others[0]}, and the file's name tells "
                    f"{span.name}. Correct `data.spans.column`, or move the examples."
                )

    def _times(self, file: str, every: Every) -> Mapping[str, SpanSums]:
        assert self._column  # as was checked
        of_file = spans_of_files([file], self._settings, self._column, every)
        return of_file[file]

    def to_read(self, path: str, spans: Sequence[FoundSpan]) -> list[SpanToRead]:
        """Returns what is to be read for some spans.

        Raises:
            BadInputError: if one of them is not there as it was found.
        """
        if SPAN in self._pattern:
            named = {_found(path, span): span for span in self._named(path)}
            return [
                SpanToRead(found, span.files, self._settings_of(found.span, path))
                for found in spans
                for span in [_the_same(found, named, path)]
            ]
        by_file = self._cut(path)
        there = {found: found for found in _totals(by_file)}
        return [
            SpanToRead(
                _the_same(found, there, path),
                tuple(f for f, of_file in by_file.items() if found.span in of_file),
                self._settings_of(found.span, path),
            )
            for found in spans
        ]

    def _settings_of(self, name: str, path: str) -> ReadSettings:
        times = None
        if self._column:
            span = read_span(name)
            start, end = (span.start, span.end) if span and span.every else (None, None)
            cuts = SPAN not in self._pattern
            times = TimeRule(self._column, name, start, end, cuts)
        located = self._settings.located(path)
        return dataclasses.replace(located, split=name, times=times)

    def _named(self, path: str) -> Sequence[SpanOfFiles]:
        found = files_by_span(path, self._pattern)
        if found.strays:
            file, why = min(found.strays.items())
            raise BadInputError(
                f"{escaped(file, keep='')}: {why}, and stands in the place of {SPAN} "
                f"in `{self._pattern}` ({_counted(found.strays)}). Rename it, move it "
                "elsewhere, or begin its name with `_`: such names are left out."
            )
        for span in found.spans:
            if self._every and span.span.every != self._every:
                is_a = span.span.every or "number"
                raise BadInputError(
                    f"{escaped(span.files[0], keep='')}: span {span.span.name} is a "
                    f"{is_a}, and `data.spans.every` is {self._every}. Correct one of "
                    "the two."
                )
        if not found.spans:
            raise BadInputError(
                f"{escaped(path, keep='')}: no file of `{self._pattern}` is of a span. "
                "Correct `data.files.splits`, or write the data."
            )
        return found.spans

    def _cut(self, path: str) -> Mapping[str, Mapping[str, SpanSums]]:
        assert self._column  # as was checked
        assert self._every
        files = match(path, self._pattern)
        by_file = spans_of_files(files, self._settings, self._column, self._every)
        if not any(by_file.values()):
            raise BadInputError(
                f"{escaped(path, keep='')}: no example of {len(files)} files has a "
                f"time in column `{self._column}`. Correct `data.spans.column`, or "
                "write times."
            )
        return by_file


def _totals(by_file: Mapping[str, Mapping[str, SpanSums]]) -> list[FoundSpan]:
    totals: dict[str, SpanSums] = {}
    for of_file in by_file.values():
        for name, sums in of_file.items():
            totals[name] = totals.get(name, SpanSums()).plus(sums)
    return [FoundSpan(name, 1, sums.digest) for name, sums in sorted(totals.items())]


def _counted(strays: Mapping[str, str]) -> str:
    return "1 file" if len(strays) == 1 else f"{len(strays)} files"


def _found(path: str, span: SpanOfFiles) -> FoundSpan:
    digest = hashlib.sha256()
    for file in span.files:
        name = file.removeprefix(path).lstrip("/!")
        digest.update(f"{name} {facts_of(file)}\n".encode())
    return FoundSpan(span.span.name, span.version, digest.hexdigest()[:32])


def _the_same(found: FoundSpan, there: Mapping[FoundSpan, _T], path: str) -> _T:
    if found not in there:
        versions = [f for f in there if f[:2] == found[:2]]
        is_what = "has changed since" if versions else "is gone since"
        raise BadInputError(
            f"{escaped(path, keep='')}: span {found.span}, version {found.version}, "
            f"{is_what} it was found. Run again, to plan with what is there now."
        )
    return there[found]
