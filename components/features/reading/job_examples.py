"""Which examples a job reads: those its configuration names, or files named instead."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import tensorflow as tf

from shardline.components.features.reading.sources import (
    Examples,
    sources_below,
    sources_of_pattern,
)
from shardline.components.readers.datasets import location_of
from shardline.components.readers.files import settings_of, why_empty
from shardline.configs import ConfigError, Job
from shardline.configs.fault import Fault

_ALL = "all"


def examples_of_job(job: Job, patterns: Sequence[str], downloads: Path) -> Examples:
    """Returns the examples that a job reads.

    Args:
        job: the configuration.
        patterns: patterns of files, all of which make one split; without any, the
            configuration's data section says which files make which split.
        downloads: the folder that a fetched data package is kept in.

    Raises:
        ConfigError: if the data section names no files.
        BadInputError: if nothing matches a pattern.
        ValueError: if a file system refuses, or a file is in two splits.
        DatasetError: if the data cannot be had.
    """
    if job.data.files is None:
        message = (
            f"examples come from reader `{job.data.reader}`, which the whole pipeline "
            "runs; preprocessing alone reads files. Give `data.files`."
        )
        raise ConfigError(Fault(("data", "reader"), message, who="data"))
    settings = settings_of(job.data, job)
    with tensorflow_errors_as_value_errors():
        needs_data = settings.joins or not patterns
        path = location_of(job.data, downloads) if needs_data else ""
        settings = settings.located(path)
        if patterns:
            sources = [s for p in patterns for s in sources_of_pattern(p, _ALL)]
            return Examples(tuple(sources), settings.of_split(_ALL))
        splits = job.data.files.splits.items()
        sources = [s for split, p in splits for s in sources_below(path, split, p)]
        return Examples(tuple(sources), settings)


def files_of_split(examples: Examples, split: str) -> list[str]:
    """Returns the files of a split that is not held out of another one's."""
    return [f for s in examples.sources if s.split == split for f in s.files]


def why_split_is_empty(examples: Examples, split: str) -> str:
    """Returns why no example of a split was found, in words; "" if that is not known.

    Args:
        examples: the files, and how they are read.
        split: may be held out of the files of another one.
    """
    source = examples.settings.split if split in examples.settings.held_out else split
    files = files_of_split(examples, source)
    return why_empty(split, files, examples.settings.of_split(source))


@contextlib.contextmanager
def tensorflow_errors_as_value_errors() -> Iterator[None]:
    """Turns TensorFlow's errors, such as of its file systems, into errors of one line.

    Raises:
        ValueError: with the first line of the message, in the place of a
            `tf.errors.OpError`.
    """
    try:
        yield
    except tf.errors.OpError as error:
        raise ValueError(error.message.splitlines()[0]) from error
