"""The second Beam job: every example through the transform graph, into files.

Each unit of work makes one file a split. A file is written under a name of its own and
then takes its final name, so that a unit which a runner does twice leaves one.
"""

import dataclasses
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import apache_beam as beam
import pyarrow as pa
import tensorflow as tf
from apache_beam.pvalue import PCollection
from apache_beam.utils import shared

from shardline.components.execution.worker_reports import WriteReports
from shardline.components.features.graph.loaded_graph import LoadedGraph
from shardline.components.features.reading.staged import staged_batches
from shardline.components.features.writing.example_files import new_writer
from shardline.components.features.writing.outcome import part_name
from shardline.components.readers.files import (
    BadInput,
    BadInputError,
    ReadSettings,
    Tally,
    Unit,
    read_unit,
)
from shardline.configs.shown import escaped


class SplitUnit(NamedTuple):
    """A unit of work.

    Attributes:
        split: the split of its file.
        unit: what to read.
        number: its own among all units.
        staged_rows: by split, what the first job has kept; None: it is read anew.
    """

    split: str
    unit: Unit
    number: int
    staged_rows: Mapping[str, int] | None


class Transform(beam.PTransform[Any, Any]):
    """Units of work to files of transformed examples, and one report."""

    def __init__(
        self,
        settings: ReadSettings,
        graph: str,
        outputs: Mapping[str, Mapping[str, str]],
        report: str,
        staging: str,
    ):
        """Sets what to write.

        Args:
            settings: how to read.
            graph: folder of the transform graph.
            outputs: the outputs by format, the folder of each split.
            report: file for what became of each unit of work.
            staging: folder of what the first job has kept.
        """
        super().__init__()
        self._transform = _TransformUnit(settings, graph, outputs, staging)
        self._report = report

    def expand(self, units: PCollection[SplitUnit]) -> PCollection[None]:
        """Returns nothing that matters; the report is written last."""
        written: PCollection[None] = (
            units
            | "TransformUnit" >> beam.ParDo(self._transform)
            | "WriteReport" >> WriteReports(self._report)
        )
        return written


class _TransformUnit(beam.DoFn):
    """Reads, transforms and writes one unit of work."""

    def __init__(
        self,
        settings: ReadSettings,
        graph: str,
        outputs: Mapping[str, Mapping[str, str]],
        staging: str,
    ):
        self._settings = settings
        self._staging = staging
        self._folder = graph
        self._outputs = outputs
        self._shared = shared.Shared()

    def setup(self) -> None:
        self._graph = self._shared.acquire(lambda: LoadedGraph(self._folder))
        self._encoding = self._graph.new_encoding()

    def process(self, element: SplitUnit) -> Iterator[str]:
        settings = self._settings.of_split(element.split)
        bad, tally = settings.new_bad_input(), Tally()
        writers: dict[str, list[Any]] = {}
        examples: dict[str, int] = {}
        failure = ""
        try:
            for split, batch in self._batches(element, settings, bad, tally):
                if split not in writers:
                    writers[split] = self._writers(split, element.number)
                transformed = self._graph.transformed(batch)
                for writer in writers[split]:
                    writer.write(transformed)
                examples[split] = examples.get(split, 0) + batch.num_rows
            for writer in _all(writers):
                writer.finish()
        except (BadInputError, tf.errors.InvalidArgumentError) as error:
            failure = _message(error, element.unit.file)
            _discard(writers)
        except BaseException:
            _discard(writers)
            raise
        yield json.dumps(
            {
                "number": element.number,
                "examples": examples,
                "tally": dataclasses.asdict(tally),
                "bad": dataclasses.asdict(bad),
                "failure": failure,
            }
        )

    def _batches(
        self, element: SplitUnit, settings: ReadSettings, bad: BadInput, tally: Tally
    ) -> Iterator[tuple[str, pa.RecordBatch]]:
        if element.staged_rows is not None:
            return staged_batches(self._staging, element.unit, element.staged_rows)
        return read_unit(element.unit, settings, bad, tally=tally)

    def _writers(self, split: str, number: int) -> list[Any]:
        return [
            new_writer(
                file_format,
                os.path.join(folders[split], part_name(number)),
                self._encoding,
            )
            for file_format, folders in self._outputs.items()
        ]


_ASSERTED = re.compile(r"\[(.*)\] \[(.*)\]")  # what is wrong, and the first values


def _discard(writers: Mapping[str, Iterable[Any]]) -> None:
    for writer in _all(writers):
        writer.discard()


def _all(writers: Mapping[str, Iterable[Any]]) -> Iterator[Any]:
    for some in writers.values():
        yield from some


def _message(error: BadInputError | tf.errors.OpError, file: str) -> str:
    """Returns an error's message; of an assertion in the graph, its own words."""
    if isinstance(error, BadInputError):
        return str(error)
    _, _, asserted = error.message.partition("assertion failed: ")
    said = asserted.partition("\n")[0] or error.message
    if parts := _ASSERTED.fullmatch(said):
        said = f"{parts[1]} Found: {parts[2]}."
    return f"{escaped(file, keep='')}: {said}"
