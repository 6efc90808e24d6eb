"""Writes the graph of the user's own function, analysed by TensorFlow Transform."""

import contextlib
import json
import tempfile
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import apache_beam as beam
import pyarrow as pa
import tensorflow as tf
import tensorflow_transform.beam as tft_beam
from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_transform import analyzer_nodes, impl_helper

from shardline.components.execution.beam_runners import Beam
from shardline.components.execution.import_path import load_object
from shardline.components.execution.worker_reports import WriteReports, read_reports
from shardline.components.features.graph.derived import DerivedError, checked_outputs
from shardline.components.features.graph.raw_adapter import RawAdapter
from shardline.components.features.graph.schema import example_schema
from shardline.components.features.graph.single_values import as_values
from shardline.components.features.graph.writer import write_graph_without_analyzers
from shardline.components.features.reading.sources import Examples
from shardline.components.readers.files import (
    BadInputError,
    ReadSettings,
    Unit,
    read_unit,
    units_of,
)
from shardline.components.readers.files.column_names import columns_shown
from shardline.configs.schema import Derived
from shardline.configs.shown import escaped

DERIVED = "derived"


def write_derived_graph(
    folder: str, examples: Examples, derived: Derived, runner: Beam
) -> int | None:
    """Writes the function as a graph; reads the examples only if it has analyzers.

    Args:
        folder: the folder to write.
        examples: the files, of which one split is analysed.
        derived: the function, what it reads and makes.
        runner: where to run.

    Returns:
        How many examples the analyzers have seen; None if there are none.

    Raises:
        LostRowsError: if no worker told how many.
        DerivedError: if the function fails, or does not give what the specification
            says.
    """
    function = load_object(derived.function)
    schema = example_schema(derived.inputs)

    def preprocessing_fn(columns: dict[str, Any]) -> dict[str, Any]:
        values = as_values(columns, derived.inputs)
        return checked_outputs(_called(function, values, derived), derived)

    if _has_analyzers(preprocessing_fn, schema):
        return _analyse(folder, preprocessing_fn, schema, examples, runner)
    write_graph_without_analyzers(folder, preprocessing_fn, schema)
    return None


def _called(
    function: Callable[[dict[str, Any]], Any], given: dict[str, Any], derived: Derived
) -> Any:
    """Calls the user's own function; says in a line where it fails."""
    try:
        return function(given)
    except Exception as error:
        # The first frame is this one, the next the function's own.
        frames = traceback.extract_tb(error.__traceback__)[1:2]
        where = "".join(
            f" in {frame.filename}, line {frame.lineno}" for frame in frames
        )
        raise DerivedError(
            f"`{derived.function}` fails{escaped(where, keep='')}: "
            f"{type(error).__name__}: {str(error).partition(chr(10))[0]}. By "
            f"`derived.inputs` it is given {columns_shown(sorted(given))}. Correct "
            "one of the two."
        ) from error


def _has_analyzers(preprocessing_fn: Any, schema: schema_pb2.Schema) -> bool:
    with tempfile.TemporaryDirectory() as scratch:
        graph, _, _ = impl_helper.trace_preprocessing_function(
            preprocessing_fn,
            RawAdapter(schema).type_specs,
            use_tf_compat_v1=False,
            base_temp_dir=scratch,
        )
    return bool(graph.get_collection(analyzer_nodes.TENSOR_REPLACEMENTS))


def _analyse(
    folder: str,
    preprocessing_fn: Any,
    schema: schema_pb2.Schema,
    examples: Examples,
    runner: Beam,
) -> int:
    """Writes the graph; returns how many examples it was made of."""
    settings = examples.settings
    report_file = f"{folder}-rows.json"
    work = [
        unit
        for source in examples.analysed
        for unit in units_of(source.files, settings, runner.units_at_once)
    ]
    with (
        tft_beam.Context(temp_dir=f"{folder}-temp"),
        runner.pipeline() as pipeline,
    ):
        batches = (
            pipeline
            | "Units" >> beam.Create(work)
            | beam.Reshuffle()
            | "Read" >> beam.FlatMap(_batches, settings, schema)
        )
        _ = (
            (batches, RawAdapter(schema).config)
            | tft_beam.AnalyzeDataset(preprocessing_fn)
            | tft_beam.WriteTransformFn(folder)
        )
        _ = (
            batches
            | "Rows" >> beam.Map(lambda batch: batch.num_rows)
            | "Sum" >> beam.CombineGlobally(sum)
            | "Line" >> beam.Map(json.dumps)
            | "Tell" >> WriteReports(report_file)
        )
    (rows,) = read_reports(report_file)
    tf.io.gfile.remove(report_file)
    return int(rows)


def _batches(
    unit: Unit, settings: ReadSettings, schema: schema_pb2.Schema
) -> Iterator[pa.RecordBatch]:
    adapter = RawAdapter(schema)
    # What is bad is told when the same units are counted.
    with contextlib.suppress(BadInputError):
        for split, batch in read_unit(unit, settings, settings.new_bad_input()):
            if split == settings.split:
                yield adapter.prepared(batch)
