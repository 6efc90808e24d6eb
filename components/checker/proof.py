"""A sample through the real thing: strict reading, analysis, graph, transformation.

What this module imports takes seconds, so it is imported last.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa
import tensorflow as tf
from tfx_bsl.coders.example_coder import RecordBatchToExamplesEncoder

from shardline.components.checker.findings import Finding
from shardline.components.execution.beam_runners import beam_runner
from shardline.components.features.analysis.in_process import analyze_batches
from shardline.components.features.graph.derived import DerivedBatches
from shardline.components.features.graph.derived_graph import write_derived_graph
from shardline.components.features.graph.loaded_graph import LoadedGraph
from shardline.components.features.graph.writer import write_transform_graph
from shardline.components.features.reading.sources import Examples, Source
from shardline.components.readers.files import (
    BadInput,
    ReadSettings,
    Unit,
    read_unit,
    tfrecord_settings,
)
from shardline.components.readers.files.column_names import columns_shown, meant
from shardline.components.readers.files.judging.refusals import absent_columns
from shardline.components.readers.files.judging.tally import Tally
from shardline.configs.schema import Derived, Job
from shardline.configs.shown import escaped, shown


class _Enough(Exception):
    """More bad examples than a sample has rows."""


class _SampledBadInput(BadInput):
    """Stops the reading of a long file in which everything is bad."""

    rows_at_most: int = 0

    def add(self, reason: str, count: int, first: list[tuple[str, int, str]]) -> None:
        super().add(reason, count, first)
        if sum(self.rows.values()) >= self.rows_at_most:
            raise _Enough


def strictly_read(
    files: Mapping[str, Sequence[tuple[str, int]]],
    settings: ReadSettings,
    *,
    is_all: bool,
) -> tuple[dict[str, pa.RecordBatch], list[Finding]]:
    """Reads the first rows of files as a job does.

    Args:
        files: of each split, and the most rows to read of each.
        settings: how they are read.
        is_all: whether that is all of the data.

    Returns:
        A batch of each split that has rows, and what is bad.
    """
    batches: dict[str, list[pa.RecordBatch]] = {}
    findings: list[Finding] = []
    skipping = dataclasses.replace(settings, on_bad_example="skip")
    for split, some in files.items():
        bad, good, tally = _SampledBadInput("skip", "skip"), 0, Tally()
        bad.rows_at_most = sum(rows for _, rows in some)
        with contextlib.suppress(_Enough):
            for file, rows in some:
                of_split = skipping.of_split(split)
                unit = read_unit(Unit(file), of_split, bad, rows, tally=tally)
                for name, batch in _first(unit, rows):
                    batches.setdefault(name, []).append(batch)
                    good += batch.num_rows
        findings += _told(split, bad, settings)
        findings += _too_many(split, bad, good, settings, is_all=is_all)
        there = [file for file, _ in some]
        findings += _absent(tally, split, there, settings, is_all=is_all)
    read_batches = {
        name: pa.Table.from_batches(some).combine_chunks().to_batches()[0]
        for name, some in batches.items()
    }
    return read_batches, findings


def _first(
    read: Iterator[tuple[str, pa.RecordBatch]], rows: int
) -> Iterator[tuple[str, pa.RecordBatch]]:
    left = rows
    for split, batch in read:
        yield split, batch
        left -= batch.num_rows
        if left <= 0:
            return


def _told(split: str, bad: BadInput, settings: ReadSettings) -> Iterator[Finding]:
    place = ("data", "files", "splits", split)
    for reason, count in bad.rows.items():
        told = bad.first[reason][0][2]
        yield Finding(
            place,
            f"split `{split}`",
            f"{count:,} of the sampled examples cannot be used: {told}",
            "",
            is_fault=settings.on_bad_example == "error",
        )
    for damaged, fault in bad.files.items():
        is_fault = settings.on_bad_file == "error"
        told = f"{escaped(damaged, keep='')}: {fault}"
        yield Finding(place, f"split `{split}`", told, "", is_fault=is_fault)


def _too_many(
    split: str, bad: BadInput, good: int, settings: ReadSettings, *, is_all: bool
) -> Iterator[Finding]:
    """Yields that more would be left out than may be."""
    rows = good + bad.left_out
    if settings.on_bad_example == "skip" and not settings.may_leave_out(
        bad.left_out, rows
    ):
        yield Finding(
            ("data", "files"),
            f"split `{split}`",
            f"{bad.left_out:,} of {rows:,} sampled examples would be left out "
            f"({bad.left_out / rows:.2%}), and `max_bad_share` allows "
            f"{settings.max_bad_share:.2%}.",
            "Correct the files, or raise `data.files.max_bad_share`.",
            is_fault=is_all,
        )


def _absent(
    tally: Tally,
    split: str,
    files: Sequence[str],
    settings: ReadSettings,
    *,
    is_all: bool,
) -> Iterator[Finding]:
    """Yields the columns that no sampled example of a split has.

    Where others are held out of a split, both may look alike in all of the data.
    """
    of_split = settings.of_split(split)
    for name in [split, *of_split.held_out] if settings.must_have_columns else []:
        absent, there = absent_columns(tally, name, files, of_split)
        key = "held_out" if name in of_split.held_out else "splits"
        for column in absent:
            yield Finding(
                ("data", "files", key, name),
                f"split `{name}`",
                f"column `{shown(column)}` is in none of the "
                f"{tally.looked_at[name]:,} sampled examples; they have "
                f"{columns_shown(there)}. {meant(column, there)}".rstrip(),
                "Write the column, with an empty list where it has no value.",
                column,
                is_fault=is_all or not of_split.held_out,
            )


def transform_findings(
    job: Job, batches: Mapping[str, pa.RecordBatch]
) -> Iterator[Finding]:
    """Makes the transform graph from a sample and applies it; yields what fails."""
    preprocessing = job.preprocessing(job.data.target)
    known = batches.get("train") or next(iter(batches.values()))
    with tempfile.TemporaryDirectory(prefix="shardline-check-") as folder:
        graph = os.path.join(folder, "graph")
        derived = os.path.join(folder, "derived") if preprocessing.derived else None
        section = "derived"
        try:
            if preprocessing.derived and derived:
                known = _with_derived(known, preprocessing.derived, derived)
            section = "features"
            statistics = analyze_batches([known], preprocessing, folder)
            write_transform_graph(graph, preprocessing, statistics, folder, derived)
            loaded = LoadedGraph(graph)
            for batch in batches.values():
                loaded.transformed(batch)
        except Exception as error:  # a function of one's own may raise anything
            yield _failed(job, section, error)


def _with_derived(
    batch: pa.RecordBatch, derived: Derived, folder: str
) -> pa.RecordBatch:
    """Writes the graph of the user's own function, and adds what it makes."""
    os.mkdir(folder)
    file = f"{folder}.tfrecord"
    with tf.io.TFRecordWriter(file) as writer:
        for example in RecordBatchToExamplesEncoder().encode(batch):
            writer.write(example)
    sources = (Source("train", (file,)),)
    examples = Examples(sources, tfrecord_settings(derived.inputs))
    write_derived_graph(folder, examples, derived, beam_runner("direct"))
    return DerivedBatches(folder, derived).with_derived(batch)


def _failed(job: Job, section: str, error: Exception) -> Finding:
    """Returns the fault that a failed transformation is, at its feature if it says."""
    text = getattr(error, "message", None) or str(error) or type(error).__name__
    _, _, asserted = text.partition("assertion failed: ")
    said = (asserted or text).partition("\n")[0].removeprefix("derived: ")
    named = [name for name in job.features if f"eature `{name}`" in said]
    place: tuple[str, ...] = ("features", named[0]) if named else (section,)
    who = f"feature `{named[0]}`" if named else section
    fact = f"the sample cannot be transformed: {type(error).__name__}: {said}"
    return Finding(place, who, fact, "")
