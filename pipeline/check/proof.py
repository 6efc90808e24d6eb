"""A sample through the real thing: strict reading, analysis, graph, transformation.

What this module imports takes seconds, so it is imported last.
"""

from __future__ import annotations

import dataclasses
import os
import tempfile
from collections.abc import Iterator, Mapping

import pyarrow as pa

from components.analysis.in_process import analyze_batches
from components.features.graph_writer import write_transform_graph
from components.files import BadInput, ReadRules, Unit, read_unit
from components.preprocess.loaded_graph import LoadedGraph
from configs.schema import Job
from pipeline.check.findings import Finding


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
    files: Mapping[str, str], rules: ReadRules, rows: int
) -> tuple[dict[str, pa.RecordBatch], list[Finding]]:
    """Reads the first rows of each split as a job does.

    Args:
        files: one of each split.
        rules: how they are read.
        rows: the most to read of a file.

    Returns:
        A batch of each split that has rows, and what is bad.
    """
    batches: dict[str, list[pa.RecordBatch]] = {}
    findings: list[Finding] = []
    skipping = dataclasses.replace(rules, on_bad_example="skip")
    for split, file in files.items():
        bad = _SampledBadInput("skip")
        bad.rows_at_most = rows
        try:
            for name, batch in _first(
                read_unit(Unit(file), skipping.of_split(split), bad, rows), rows
            ):
                batches.setdefault(name, []).append(batch)
        except _Enough:
            pass
        findings += _told(split, file, bad, rules)
    read = {
        name: pa.Table.from_batches(some).combine_chunks().to_batches()[0]
        for name, some in batches.items()
    }
    return read, findings


def _first(
    read: Iterator[tuple[str, pa.RecordBatch]], rows: int
) -> Iterator[tuple[str, pa.RecordBatch]]:
    left = rows
    for split, batch in read:
        yield split, batch
        left -= batch.num_rows
        if left <= 0:
            return


def _told(split: str, file: str, bad: BadInput, rules: ReadRules) -> Iterator[Finding]:
    place = ("data", "files", "splits", split)
    for reason, count in bad.rows.items():
        told = bad.first[reason][0][2]
        yield Finding(
            place,
            f"split `{split}`",
            f"{count:,} of the first examples of {file} cannot be used: {told}",
            "",
            is_fault=rules.on_bad_example == "error",
        )
    for damaged, fault in bad.files.items():
        yield Finding(place, f"split `{split}`", f"{damaged}: {fault}", "")


def held_out_findings(
    job: Job, batches: Mapping[str, pa.RecordBatch]
) -> Iterator[Finding]:
    """Yields hints on splits that have no example in the sample."""
    files = job.data.files
    for split in files.held_out if files else ():
        if split not in batches:
            yield Finding(
                ("data", "files", "held_out", split),
                f"split `{split}`",
                "no sampled example is in it.",
                "That is well if the files are in the order of its column; else "
                "correct its rule.",
                is_fault=False,
            )


def transform_findings(
    job: Job, batches: Mapping[str, pa.RecordBatch]
) -> Iterator[Finding]:
    """Makes the transform graph from a sample and applies it; yields what fails."""
    settings = job.preprocessing(job.data.target)
    known = batches.get("train") or next(iter(batches.values()))
    with tempfile.TemporaryDirectory(prefix="shardline-check-") as folder:
        graph = os.path.join(folder, "graph")
        try:
            facts = analyze_batches([known], settings, folder)
            write_transform_graph(graph, settings, facts, folder)
            loaded = LoadedGraph(graph)
            for batch in batches.values():
                loaded.transformed(batch)
        except Exception as error:  # a function of one's own may raise anything
            yield _failed(job, error)


def _failed(job: Job, error: Exception) -> Finding:
    """Returns the fault that a failed transformation is, at its feature if it says."""
    text = getattr(error, "message", None) or str(error) or type(error).__name__
    _, _, asserted = text.partition("assertion failed: ")
    said = (asserted or text).partition("\n")[0]
    named = [name for name in job.features if f"eature '{name}'" in said]
    place = ("features", named[0]) if named else ("features",)
    who = f"feature `{named[0]}`" if named else "features"
    return Finding(
        place,
        who,
        f"the sample cannot be transformed: {type(error).__name__}: {said}",
        "",
    )
