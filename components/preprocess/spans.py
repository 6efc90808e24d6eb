"""Spans of training files: what is counted together, and found again in a cache."""

import contextlib
import dataclasses
import json
import os
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import tensorflow as tf

from components.code_version import code_version
from components.preprocess.analyze import SUMMARY_FILE
from components.preprocess.sources import Examples, fingerprint
from configs.schema import Preprocessing

# What a span's counts depend on beside its files and the features.
_COUNTING_CODE = (
    "components.analysis",
    "components.files",
    "components.preprocess.analyze",
    "configs",
)
_WHOLE_FILE = "whole.json"  # names and bytes of all others; written last


@dataclasses.dataclass(frozen=True)
class Span:
    """Training files that are counted together, and where their counts lie.

    Attributes:
        name: such as a day.
        files: paths.
        kept: folder of the counts once they are whole.
        written: folder that they are written to.
        is_counted: whether they were there before this job.
    """

    name: str
    files: tuple[str, ...]
    kept: str
    written: str
    is_counted: bool

    @property
    def folder(self) -> str:
        """Where the counts are while the job runs."""
        return self.kept if self.is_counted else self.written

    def summaries(self) -> Sequence[Mapping[str, Any]]:
        """Returns what each unit of work told, in a fixed order."""
        with tf.io.gfile.GFile(os.path.join(self.folder, SUMMARY_FILE)) as file:
            told: Sequence[Mapping[str, Any]] = json.load(file)
        return told

    def counts(self) -> Iterator[tuple[str, str]]:
        """Yields (table, file of counts)."""
        for name in _files_of(self.folder):
            if name != SUMMARY_FILE:
                yield name.rpartition("-")[0], os.path.join(self.folder, name)

    def keep(self) -> None:
        """Gives the folder of whole counts its name, unless another job has by now."""
        if self.is_counted or is_whole(self.kept):
            return
        names = sorted(tf.io.gfile.listdir(self.written))
        sizes = {name: _bytes(os.path.join(self.written, name)) for name in names}
        with tf.io.gfile.GFile(os.path.join(self.written, _WHOLE_FILE), "w") as file:
            file.write(json.dumps(sizes))
        # What is not needed for this job's result is no reason to lose it.
        with contextlib.suppress(tf.errors.OpError):
            if tf.io.gfile.exists(self.kept):
                tf.io.gfile.rmtree(self.kept)
            tf.io.gfile.rename(self.written, self.kept)

    def remove(self) -> None:
        """Removes what was written and not kept."""
        if not self.is_counted and tf.io.gfile.exists(self.written):
            tf.io.gfile.rmtree(self.written)


def spans_of(
    examples: Examples, settings: Preprocessing, folder: str
) -> Iterator[Span]:
    """Yields the spans of the files that are analysed, in their order.

    Args:
        examples: the files.
        settings: the specification.
        folder: where counts are kept.
    """
    read_as = "\n".join(
        [
            repr(examples.rules),
            settings.model_dump_json(include={"features", "numbers", "derived"}),
            code_version(*_COUNTING_CODE),
        ]
    )
    files: dict[str, list[str]] = {}
    for source in examples.analysed:
        files.setdefault(source.span, []).extend(source.files)
    for name, paths in files.items():
        kept = os.path.join(folder, "counts-" + fingerprint(paths, read_as=read_as))
        yield Span(
            name,
            tuple(paths),
            kept,
            f"{kept}.{uuid.uuid4().hex}",
            is_whole(kept),
        )


def is_whole(folder: str) -> bool:
    """Tells whether a folder holds all counts that were written to it."""
    if not tf.io.gfile.exists(os.path.join(folder, _WHOLE_FILE)):
        return False
    sizes = _files_of(folder)
    try:
        return all(_bytes(os.path.join(folder, n)) == size for n, size in sizes.items())
    except tf.errors.NotFoundError:
        return False


def _files_of(folder: str) -> dict[str, int]:
    with tf.io.gfile.GFile(os.path.join(folder, _WHOLE_FILE)) as file:
        sizes: dict[str, int] = json.load(file)
    return sizes


def _bytes(path: str) -> int:
    return int(tf.io.gfile.stat(path).length)
