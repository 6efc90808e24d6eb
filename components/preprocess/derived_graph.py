"""Writes the graph of the user's own function, analysed by TensorFlow Transform."""

from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import pyarrow as pa
import tensorflow_transform.beam as tft_beam
from tensorflow_metadata.proto.v0 import schema_pb2

from components.features.derived import checked_outputs
from components.features.graph_writer import write_graph_without_analyzers
from components.features.raw_adapter import RawAdapter
from components.features.schema import example_schema
from components.files import BadInput, ReadRules, Unit, read_unit, units
from components.import_path import load_object
from components.preprocess.runners import Beam
from components.preprocess.sources import Examples
from configs.schema import Derived

DERIVED = "derived"


def write_derived_graph(
    folder: str, examples: Examples, derived: Derived, runner: Beam
) -> None:
    """Writes the function as a graph; reads the examples only if it has analyzers.

    Args:
        folder: to write.
        examples: the files, of which one split is analysed.
        derived: the function, what it reads and makes.
        runner: where to run.

    Raises:
        ValueError: if the function does not give what the specification says.
    """
    function = load_object(derived.function)
    schema = example_schema(derived.inputs)

    def preprocessing_fn(columns: dict[str, Any]) -> dict[str, Any]:
        return checked_outputs(function(columns), derived)

    try:
        write_graph_without_analyzers(folder, preprocessing_fn, schema)
    except RuntimeError as error:
        if "analyzers" not in str(error):
            raise
        _analyse(folder, preprocessing_fn, schema, examples, runner)


def _analyse(
    folder: str,
    preprocessing_fn: Any,
    schema: schema_pb2.Schema,
    examples: Examples,
    runner: Beam,
) -> None:
    rules = examples.rules
    work = [
        unit
        for source in examples.analysed
        for unit in units(source.files, rules, runner.workers)
    ]
    with (
        tft_beam.Context(temp_dir=f"{folder}-temp"),
        runner.pipeline() as pipeline,
    ):
        batches = (
            pipeline
            | "Units" >> beam.Create(work)
            | beam.Reshuffle()
            | "Read" >> beam.FlatMap(_batches, rules, schema)
        )
        _ = (
            (batches, RawAdapter(schema).config)
            | tft_beam.AnalyzeDataset(preprocessing_fn)
            | tft_beam.WriteTransformFn(folder)
        )


def _batches(
    unit: Unit, rules: ReadRules, schema: schema_pb2.Schema
) -> Iterator[pa.RecordBatch]:
    adapter = RawAdapter(schema)
    for split, batch in read_unit(unit, rules, BadInput(rules.on_bad_example)):
        if split == rules.split:
            yield adapter.prepared(batch)
