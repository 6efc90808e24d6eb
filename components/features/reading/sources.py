"""Which files a job reads, and as what."""

import dataclasses
import hashlib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass

import tensorflow as tf

from shardline.components.readers.files import BadInputError, ReadSettings
from shardline.components.readers.files.locations import (
    SPAN,
    NoFileError,
    leftovers_said,
    matches,
)
from shardline.components.readers.files.spans.patterns import files_by_span
from shardline.configs.locations import absolute_location, is_remote
from shardline.configs.shown import shown


@dataclass(frozen=True)
class Source:
    """Files of one split, and of one span if data comes in spans.

    Attributes:
        split: the split of the files.
        files: paths, sorted.
        span: such as a day; the analysis of a span is kept apart, for the cache.
        known_as: digest of the examples, by which counts of them are found again in
            whatever files they are then; "" finds them by names, sizes and times.
        leftovers: in words, files that match and are not read; "" if there are none.
    """

    split: str
    files: tuple[str, ...]
    span: str = ""
    known_as: str = ""
    leftovers: str = ""


@dataclass(frozen=True)
class Examples:
    """Files of examples, and how they are read.

    Attributes:
        sources: the files.
        settings: how to read them; the examples of the settings' `split` are analysed.
    """

    sources: tuple[Source, ...]
    settings: ReadSettings

    def __post_init__(self) -> None:
        """Refuses a source without files, and a file that is in two of them.

        Raises:
            ValueError: if there is one.
        """
        splits: dict[str, str] = {}
        for source in self.sources:
            for file in source.files:
                location = file if is_remote(file) else os.path.normpath(file)
                if location in splits:
                    raise ValueError(
                        f"{file} is in split '{splits[location]}' and again in "
                        f"'{source.split}'. Let one pattern alone match it."
                    )
                splits[location] = source.split
            if not source.files:
                of_span = f" of span {source.span}" if source.span else ""
                raise ValueError(
                    f"Split '{source.split}'{of_span} has no file. What writes the "
                    "examples must give it, or leave the split out."
                )

    @property
    def splits(self) -> set[str]:
        """All splits that come out of the files."""
        return {source.split for source in self.sources} | set(self.settings.held_out)

    def absolute(self) -> "Examples":
        """Returns the same examples, named as processes in other folders find them."""
        sources = [
            dataclasses.replace(s, files=tuple(map(absolute_location, s.files)))
            for s in self.sources
        ]
        joins = tuple(join.absolute() for join in self.settings.joins)
        settings = dataclasses.replace(self.settings, joins=joins)
        return dataclasses.replace(self, sources=tuple(sources), settings=settings)

    @property
    def leftovers(self) -> list[str]:
        """The files that match and are not read, in words, by source."""
        return [source.leftovers for source in self.sources if source.leftovers]

    @property
    def analysed(self) -> list[Source]:
        """The sources of the split that is analysed."""
        return [s for s in self.sources if s.split == self.settings.split]


def fingerprint(files: Sequence[str], *, read_as: str) -> str:
    """Returns what changes when files change, by their names, sizes and times.

    Args:
        files: paths.
        read_as: all else that decides on what is found in them.

    Raises:
        BadInputError: if a file is not there.
    """
    digest = hashlib.sha256(read_as.encode())
    for file in files:
        try:
            facts = tf.io.gfile.stat(file.partition("!/")[0])
        except tf.errors.OpError as error:
            raise BadInputError(
                f"{file}: cannot be read: {error.message}. Remove or mend it."
            ) from error
        digest.update(f"\n{file} {facts.length} {facts.mtime_nsec}".encode())
    return digest.hexdigest()[:32]


def sources_below(path: str, split: str, pattern: str) -> list[Source]:
    """Returns the files that match a pattern, one source a span.

    Args:
        path: folder, file or zip archive.
        split: the split of the files.
        pattern: of names below the path; `{SPAN}` stands for a number or date,
            and `{VERSION}` for its version, the last one of which counts.

    Raises:
        BadInputError: if nothing matches, or spans overlap.
    """
    if SPAN not in pattern:
        files, leftovers = matches(path, pattern)
        said = leftovers_said(leftovers) if leftovers else ""
        return [Source(split, tuple(files), leftovers=said)]
    spans, strays = files_by_span(path, pattern)
    if not spans:
        raise BadInputError(
            f"{path}: `{pattern}` asks for a number or date where it says {SPAN}; none "
            f"of {len(strays)} files has one there, such as {min(strays)}."
        )
    versions = {found.span: found for found in spans}  # the last one counts
    return [Source(split, found.files, found.span.name) for found in versions.values()]


def sources_of_pattern(pattern: str, split: str) -> list[Source]:
    """Returns the files of a whole path with wildcards, one source a span.

    Raises:
        BadInputError: if nothing matches, or spans overlap.
    """
    parts = pattern.split("/")
    wild = [
        n for n, part in enumerate(parts) if re.search(r"[*?\[]|{SPAN}|{VERSION}", part)
    ]
    first = min([*wild, len(parts) - 1])
    root = "/".join(parts[:first]) or ("/" if pattern.startswith("/") else ".")
    try:
        return sources_below(root, split, "/".join(parts[first:]))
    except NoFileError as error:
        raise BadInputError(
            f"{error.fact} Correct `{shown(pattern)}`, which names the files to read."
        ) from error
