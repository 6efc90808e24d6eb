"""Spans of training files: what is counted together, and found again in a cache."""

import contextlib
import dataclasses
import hashlib
import json
import os
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf

from shardline.components.contracts.file_record import damage_by, record_files
from shardline.components.execution.code_version import code_version
from shardline.components.features.analysis import beam_analysis
from shardline.components.features.analysis.beam_analysis import SUMMARY_FILE
from shardline.components.features.reading.sources import Examples, fingerprint
from shardline.components.folders.scratch import held, remove_dead
from shardline.components.readers.files import LostRowsError
from shardline.configs.locations import is_remote
from shardline.configs.schema import Preprocessing

_WHOLE_FILE = "whole.json"  # the record of all others; written last


@dataclasses.dataclass(frozen=True)
class Span:
    """Training files that are counted together, and where their counts lie.

    Attributes:
        name: such as a day.
        files: paths.
        kept: folder of the counts once they are whole.
        written: folder that they are written to.
        is_counted: whether they were there before this job.
        is_known_by_content: whether they may have been counted in other files of the
            same names.
        damage: what is wrong with counts that were there; "" for nothing.
    """

    name: str
    files: tuple[str, ...]
    kept: str
    written: str
    is_counted: bool
    is_known_by_content: bool = False
    damage: str = ""

    @property
    def folder(self) -> str:
        """Where the counts are while the job runs."""
        return self.kept if self.is_counted else self.written

    def reports(self) -> Sequence[Mapping[str, Any]]:
        """Returns the report of each unit of work, in a fixed order.

        Raises:
            LostRowsError: if there is none.
        """
        path = os.path.join(self.folder, SUMMARY_FILE)
        if not tf.io.gfile.exists(path):
            raise LostRowsError(
                f"No unit of work told what it counted of {len(self.files)} files, "
                f"such as {self.files[0]}: the runner has lost it."
            )
        with tf.io.gfile.GFile(path) as file:
            reports: Sequence[Mapping[str, Any]] = json.load(file)
        if self.is_known_by_content:
            return [self._of_these_files(report) for report in reports]
        return reports

    def _of_these_files(self, report: Mapping[str, Any]) -> Mapping[str, Any]:
        """Returns a report of a file as that of the file that has its name now.

        Raises:
            LostRowsError: if none has.
        """
        counted = report["unit"][0]
        name = os.path.basename(counted)
        for file in self.files:
            if os.path.basename(file) == name:
                renamed: Mapping[str, Any] = _renamed(report, counted, file)
                return renamed
        raise LostRowsError(
            f"Counts of span {self.name} are of a file {name}, which is not among its "
            f"{len(self.files)} files, such as {self.files[0]}."
        )

    def counts(self) -> Iterator[tuple[str, str]]:
        """Yields (table, file of counts)."""
        for name in sorted(tf.io.gfile.listdir(self.folder)):
            if name not in (SUMMARY_FILE, _WHOLE_FILE):
                yield name.rpartition("-")[0], os.path.join(self.folder, name)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Makes the folder of counts, and removes it in the end unless it was kept.

        What a killed job has left beside it is removed, too, if it is local.
        """
        if self.is_counted:
            yield
            return
        with contextlib.ExitStack() as stack:
            if is_remote(self.written):
                tf.io.gfile.makedirs(self.written)
            else:
                folder = Path(self.written)
                remove_dead(folder.parent, "counts-*.*")
                stack.enter_context(held(folder))
            stack.callback(self._remove)
            yield

    def keep(self) -> None:
        """Gives the folder of whole counts its name, unless another job has by now."""
        if self.is_counted or damage_of(self.kept) == "":
            return
        record = record_files(self.written)
        with tf.io.gfile.GFile(os.path.join(self.written, _WHOLE_FILE), "w") as file:
            file.write(record.to_json())
        # What is not needed for this job's result is no reason to lose it.
        with contextlib.suppress(tf.errors.OpError):
            if tf.io.gfile.exists(self.kept):
                tf.io.gfile.rmtree(self.kept)
            tf.io.gfile.rename(self.written, self.kept)

    def _remove(self) -> None:
        if tf.io.gfile.exists(self.written):
            tf.io.gfile.rmtree(self.written)


def _renamed(value: Any, name: str, by: str) -> Any:
    """Returns what JSON holds, with another text in the place of one."""
    if isinstance(value, dict):
        return {_renamed(k, name, by): _renamed(v, name, by) for k, v in value.items()}
    if isinstance(value, list):
        return [_renamed(one, name, by) for one in value]
    return by if value == name else value


def spans_of(
    examples: Examples, preprocessing: Preprocessing, folder: str
) -> Iterator[Span]:
    """Yields the spans of the files that are analysed, in their order.

    Args:
        examples: the files.
        preprocessing: the features, numbers and tables to preprocess.
        folder: where counts are kept.
    """
    read_as = "\n".join(
        [
            repr(examples.settings),
            preprocessing.model_dump_json(include={"features", "numbers", "derived"}),
            code_version(beam_analysis.__name__),
        ]
    )
    files: dict[str, list[str]] = {}
    known: dict[str, str] = {}
    for source in examples.analysed:
        files.setdefault(source.span, []).extend(source.files)
        known[source.span] = source.known_as
    for name, paths in files.items():
        if known[name]:
            key = _digest(f"{read_as}\n{known[name]}")
        else:
            key = fingerprint(paths, read_as=read_as)
        kept = os.path.join(folder, f"counts-{key}")
        damage = damage_of(kept)
        yield Span(
            name,
            tuple(paths),
            kept,
            f"{kept}.{uuid.uuid4().hex}",
            is_counted=damage == "",
            is_known_by_content=bool(known[name]),
            damage=damage or "",
        )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def damage_of(folder: str) -> str | None:
    """Tells what is wrong with the counts in a folder.

    Args:
        folder: the folder of the counts of a span.

    Returns:
        "" if they are as they were written, a file and what is wrong with it if they
        are not, and None if there are none.
    """
    if not tf.io.gfile.exists(folder):
        return None
    return damage_by(_WHOLE_FILE, folder)
