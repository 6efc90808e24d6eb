"""A trial run: a sample through the real reading, analysis, graph and transformation.

What this module imports takes seconds, so it is imported last.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping

import pyarrow as pa
import pyarrow.compute as pc
import tensorflow as tf
from tfx_bsl.coders.example_coder import RecordBatchToExamplesEncoder

from shardline.components.checker import label_rules
from shardline.components.checker.data_sample import DataSample
from shardline.components.checker.findings import Finding
from shardline.components.checker.report import Draft
from shardline.components.checker.strict_reading import read_strictly
from shardline.components.execution.beam_runners import beam_runner
from shardline.components.features.analysis.in_process import analyze_batches
from shardline.components.features.graph.derived import DerivedBatches, DerivedError
from shardline.components.features.graph.derived_graph import write_derived_graph
from shardline.components.features.graph.loaded_graph import LoadedGraph
from shardline.components.features.graph.writer import write_transform_graph
from shardline.components.features.reading.sources import Examples, Source
from shardline.components.readers.files import ReadSettings, tfrecord_settings
from shardline.components.readers.files.sampling import spread
from shardline.configs.fault import Part, feature_part
from shardline.configs.schema import Derived, Feature, Job

_OTHER_ROWS = 100  # of each file that is not sampled
_ASSERTED = "assertion failed: "  # TensorFlow's words before those of the graph

_Batches = Mapping[str, pa.RecordBatch]
_AddDerived = Callable[[pa.RecordBatch], pa.RecordBatch]


def try_sample(
    job: Job, sample: DataSample, read_settings: ReadSettings, draft: Draft
) -> int | None:
    """Reads a sample and the first rows of other splits, and transforms them.

    Args:
        job: the configuration.
        sample: the files, and the sample of them.
        read_settings: how they are read.
        draft: takes what is found.

    Returns:
        How many training examples there are, if all were read.
    """
    batches, findings = _read(sample, read_settings)
    known = {cause for finding in draft.findings for cause in finding.causes}
    # What is left out is a hint once only, at what reads the column.
    draft.findings += [f for f in findings if f.is_fault or not f.causes & known]
    draft.findings += label_rules.label_findings(
        job, batches, _whole_splits(sample, batches, read_settings)
    )
    if batches and not draft.has_faults:
        draft.findings += transform_findings(job, batches)
    if not sample.is_whole:
        return None
    return batches["train"].num_rows if "train" in batches else 0


def _read(
    sample: DataSample, read_settings: ReadSettings
) -> tuple[_Batches, list[Finding]]:
    """Returns a batch of each split, and what is bad."""
    # One more of a file that is read to its end, to come to what is bad there.
    rows_of = {
        piece.file: piece.batch.num_rows + (piece.is_whole or bool(piece.fault))
        for piece in sample.pieces
    }
    training = [(file, rows_of.get(file, _OTHER_ROWS)) for file in sample.files]
    others = {
        split: [
            (file, _OTHER_ROWS)
            for file in spread(files.usable(read_settings.of_split(split).wanted))
        ]
        for split, files in sample.splits.items()
        if split != "train"
    }
    batches, findings = read_strictly(
        {"train": training}, read_settings, is_all=sample.is_whole
    )
    more, other_findings = read_strictly(others, read_settings, is_all=False)
    return batches | more, [*findings, *other_findings]


def _whole_splits(
    sample: DataSample, batches: _Batches, read_settings: ReadSettings
) -> set[str]:
    """Returns the splits of which every example was read."""
    whole = {
        split
        for split, files in sample.splits.items()
        if split in batches and batches[split].num_rows == files.rows
    }
    return whole | {"train", *read_settings.held_out} if sample.is_whole else whole


def transform_findings(job: Job, batches: _Batches) -> Iterator[Finding]:
    """Makes the transform graph from a sample and applies it; yields what fails.

    Args:
        job: the configuration.
        batches: the sample in canonical columns, by split; one at least.
    """
    with tempfile.TemporaryDirectory(prefix="shardline-check-") as folder:
        part = Part("derived", ("derived",))
        batch = batches.get("train") or next(iter(batches.values()))
        with_derived: _AddDerived = _as_it_is
        try:
            if job.derived:
                with_derived = _written_derived(batch, job.derived, folder)
            part = Part("features", ("features",))
            loaded = _written_graph(job, with_derived(batch), folder)
            for batch in batches.values():
                loaded.transformed(batch)
        except Exception as error:  # a function of the user's own may raise anything
            yield _failed(_out_of_range(job, batch, with_derived) or part, error)


def _as_it_is(batch: pa.RecordBatch) -> pa.RecordBatch:
    return batch


def _written_derived(
    batch: pa.RecordBatch, derived: Derived, folder: str
) -> _AddDerived:
    """Writes the graph of the user's own function; returns what adds its columns."""
    graph = _derived_folder(folder)
    os.mkdir(graph)
    file = f"{graph}.tfrecord"
    with tf.io.TFRecordWriter(file) as writer:
        for example in RecordBatchToExamplesEncoder().encode(batch):
            writer.write(example)
    sources = (Source("train", (file,)),)
    examples = Examples(sources, tfrecord_settings(derived.inputs))
    write_derived_graph(graph, examples, derived, beam_runner("direct"))
    return DerivedBatches(graph, derived).with_derived


def _written_graph(job: Job, batch: pa.RecordBatch, folder: str) -> LoadedGraph:
    """Analyses a batch, writes the transform graph, and loads it."""
    preprocessing = job.preprocessing(job.data.target)
    statistics = analyze_batches([batch], preprocessing, folder)
    graph = os.path.join(folder, "graph")
    derived = _derived_folder(folder) if job.derived else None
    write_transform_graph(graph, preprocessing, statistics, folder, derived)
    return LoadedGraph(graph)


def _derived_folder(folder: str) -> str:
    return os.path.join(folder, "derived")


def _out_of_range(
    job: Job, batch: pa.RecordBatch, with_derived: _AddDerived
) -> Part | None:
    """Returns the feature whose ids the graph refuses, if there is one."""
    with contextlib.suppress(Exception):  # perhaps it was this that failed
        batch = with_derived(batch)
    for name, feature in job.features.items():
        column = feature.column or name
        if column in batch.schema.names and _is_refused(
            feature, batch.column(column).flatten()
        ):
            return feature_part(name)
    return None


def _is_refused(feature: Feature, ids: pa.Array) -> bool:
    size = feature.ids.range
    if size is None or feature.ids.out_of_range == "oov_rows" or not len(ids):
        return False
    return bool(pc.min(ids).as_py() < 0 or pc.max(ids).as_py() >= size)


def _failed(part: Part, error: Exception) -> Finding:
    """Returns the fault that a failed transformation is."""
    kind: type[Exception] = type(error)
    text = getattr(error, "message", None) or str(error) or kind.__name__
    if isinstance(error, DerivedError):
        kind, text = ValueError, error.reason
    _, _, asserted = text.partition(_ASSERTED)
    first_line = (asserted or text).partition("\n")[0]
    message = f"the sample cannot be transformed: {kind.__name__}: {first_line}"
    return Finding(part.config_path, part.who, message, "")
