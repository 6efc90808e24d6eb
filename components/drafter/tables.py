"""Files with the same columns, as one table, and what a sample of it holds."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Hashable, Mapping, Sequence
from functools import cached_property
from typing import Any

from shardline.components.drafter.errors import DraftError
from shardline.components.drafter.found_files import Found, FoundFile
from shardline.components.drafter.profiles import Profile, profiles_of
from shardline.components.drafter.samples import FileSample, sample_of
from shardline.components.readers.files.sampling import spread
from shardline.configs.dialect import Dialect
from shardline.configs.side_files import Format

_DIGITS = re.compile(r"\d+")


@dataclasses.dataclass(frozen=True)
class Table:
    """Files that have the same columns.

    Attributes:
        files: all of them.
        samples: rows of some of them.
    """

    files: tuple[FoundFile, ...]
    samples: tuple[FileSample, ...]

    @property
    def format(self) -> Format:
        """The format of the files."""
        return self.files[0].format

    @cached_property
    def dialect(self) -> Dialect:
        """How its CSV is written: as one file is, with what is special of others."""
        dialects = [s.guess.dialect for s in self.samples if s.guess]
        if not dialects:
            return Dialect()
        special = {
            key: next((v for d in dialects if (v := getattr(d, key)) != usual), usual)
            for key, usual in Dialect().model_dump().items()
        }
        words = [word for dialect in dialects for word in dialect.missing]
        return Dialect(**{**special, "missing": tuple(dict.fromkeys(words))})

    @cached_property
    def sample(self) -> FileSample:
        """The rows of all samples."""
        first = self.samples[0]
        names = dict.fromkeys(n for sample in self.samples for n in sample.columns)
        missing = set(self.dialect.missing)
        columns = {
            name: [
                None if isinstance(cell, str) and cell.strip() in missing else cell
                for sample in self.samples
                for cell in sample.columns.get(name, [None] * sample.rows)
            ]
            for name in names
        }
        all_rows = sum(sample.all_rows for sample in self.samples)
        guess = first.guess
        if guess:
            guess = dataclasses.replace(guess, dialect=self.dialect)
        return dataclasses.replace(
            first,
            columns=columns,
            rows=sum(sample.rows for sample in self.samples),
            all_rows=round(all_rows * len(self.files) / len(self.samples)),
            is_whole=all(sample.is_whole for sample in self.samples)
            and len(self.files) == len(self.samples),
            guess=guess,
            dates=frozenset().union(*(sample.dates for sample in self.samples)),
            repeated=frozenset().union(*(sample.repeated for sample in self.samples)),
        )

    @cached_property
    def profiles(self) -> dict[str, Profile]:
        """What its columns hold, without those whose name is there twice."""
        profiles = profiles_of(self.sample)
        return {n: p for n, p in profiles.items() if n not in self.sample.repeated}

    @property
    def list_separator(self) -> str:
        """What parts the values of lists in cells; "" if no cell is a list."""
        return next((p.separator for p in self.profiles.values() if p.separator), "")

    @property
    def regular(self) -> float:
        """The smallest share of rows of a file that have as many cells as most."""
        shares = [s.guess.agreement for s in self.samples if s.guess]
        return min(shares, default=1.0)

    @property
    def names(self) -> list[str]:
        """The names of its files, below the data's path."""
        return [file.name for file in self.files]

    @property
    def missing_words(self) -> Mapping[str, int]:
        """How often each word for a missing value is in the samples."""
        counts = dict.fromkeys(self.dialect.missing, 0)
        for sample in self.samples:
            for word, count in (sample.guess.missing if sample.guess else {}).items():
                counts[word] = counts.get(word, 0) + count
        return {word: count for word, count in counts.items() if count}


def tables_of(found: Found) -> tuple[list[Table], dict[str, str]]:
    """Returns the tables that files make, and why other files make none.

    Of many files that have one name but for the digits in it, ten are looked at.

    Args:
        found: the files.

    Raises:
        DraftError: no file is a table.
    """
    alike: dict[Hashable, list[FoundFile]] = {}
    for file in found.files:
        key = (file.format, _DIGITS.sub("0", file.name))
        alike.setdefault(key, []).append(file)
    groups: dict[Hashable, tuple[list[FoundFile], list[FileSample]]] = {}
    left_out: dict[str, str] = {}
    for files in alike.values():
        _add(files, groups, left_out)
    if not groups:
        why = "; ".join(f"{name} {said}" for name, said in left_out.items())
        raise DraftError(f"No file is a table: {why}")
    return [Table(tuple(f), tuple(s)) for f, s in groups.values()], left_out


def _add(
    files: Sequence[FoundFile],
    groups: dict[Hashable, tuple[list[FoundFile], list[FileSample]]],
    left_out: dict[str, str],
) -> None:
    """Adds files that have one name to those that have the same columns."""
    by_location = {file.location: file for file in files}
    looked_at = spread(list(by_location))
    keys = []
    for location in looked_at:
        file = by_location[location]
        try:
            sample = sample_of(file)
        except DraftError as error:
            left_out[file.name] = str(error)
            continue
        key = _columns_of(sample)
        keys.append(key)
        group = groups.setdefault(key, ([], []))
        group[0].append(file)
        group[1].append(sample)
    if keys:  # the others are taken for what most of these are
        most = max(set(keys), key=keys.count)
        groups[most][0].extend(f for f in files if f.location not in looked_at)


def _columns_of(sample: FileSample) -> Hashable:
    """Returns what files of one table share."""
    if sample.file.format == "tfrecord":
        return "tfrecord"
    delimiter: Any = sample.guess.dialect.delimiter if sample.guess else None
    return (sample.file.format, delimiter, *sample.columns)
