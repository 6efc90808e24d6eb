"""The second Beam job: every example through the transform graph, into files.

Each unit of work makes one file a split. A file is written under a name of its own and
then takes its final name, so that a unit which a runner does twice leaves one.
"""

import json
import os
import uuid
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import apache_beam as beam
import tensorflow as tf
from apache_beam.utils import shared

from components.files.bad_input import BadInput, BadInputError
from components.files.reading import ReadRules, Unit, read_unit
from components.preprocess.loaded_graph import LoadedGraph
from components.preprocess.writing import new_writer


class SplitUnit(NamedTuple):
    """A unit of work, the split of its files, and its number among all units."""

    split: str
    unit: Unit
    number: int


class Transform(beam.PTransform):
    """Units of work to files of transformed examples, and one report."""

    def __init__(
        self,
        rules: Mapping[str, ReadRules],
        graph: str,
        outputs: Mapping[str, Mapping[str, str]],
        report: str,
    ):
        """Sets what to write.

        Args:
            rules: how to read the files of each split.
            graph: folder of the transform graph.
            outputs: by format, the folder of each split.
            report: file for what became of each unit of work.
        """
        super().__init__()
        self._transform = _TransformUnit(rules, graph, outputs)
        self._report = report

    def expand(self, units: beam.PCollection[SplitUnit]) -> beam.PCollection[None]:
        """Returns nothing that matters; the report is written last."""
        return (
            units
            | "TransformUnit" >> beam.ParDo(self._transform)
            | "Together" >> beam.Map(lambda told: ("", told))
            | "All" >> beam.GroupByKey()
            | "WriteReport" >> beam.MapTuple(_write_report, self._report)
        )


class _TransformUnit(beam.DoFn):
    """Reads, transforms and writes one unit of work."""

    def __init__(
        self,
        rules: Mapping[str, ReadRules],
        graph: str,
        outputs: Mapping[str, Mapping[str, str]],
    ):
        self._rules = rules
        self._folder = graph
        self._outputs = outputs
        self._shared = shared.Shared()

    def setup(self) -> None:
        self._graph = self._shared.acquire(lambda: LoadedGraph(self._folder))

    def process(self, element: SplitUnit) -> Iterator[str]:
        rules = self._rules[element.split]
        bad = BadInput(rules.on_bad_example)
        writers: dict[str, list[Any]] = {}
        examples: dict[str, int] = {}
        failure = ""
        try:
            for split, batch in read_unit(element.unit, rules, bad):
                split = split if rules.held_out else element.split
                if split not in writers:
                    writers[split] = self._writers(split, element.number)
                transformed = self._graph.transformed(batch)
                for writer in writers[split]:
                    writer.write(transformed)
                examples[split] = examples.get(split, 0) + batch.num_rows
            for writer in _all(writers):
                writer.finish()
        except (BadInputError, tf.errors.InvalidArgumentError) as error:
            failure = _said(error)
            for writer in _all(writers):
                writer.discard()
        yield json.dumps(
            {"examples": examples, "bad": bad.to_json(), "failure": failure}
        )

    def _writers(self, split: str, number: int) -> list[Any]:
        name = f"part-{number:05d}"
        return [
            new_writer(form, os.path.join(folders[split], name), self._graph.encoding)
            for form, folders in self._outputs.items()
        ]


def _all(writers: Mapping[str, Iterable[Any]]) -> Iterator[Any]:
    for some in writers.values():
        yield from some


def _said(error: Exception) -> str:
    """Returns an error's message; of an assertion in the graph, its own words."""
    text = getattr(error, "message", None) or str(error)
    _, _, asserted = text.partition("assertion failed: ")
    return asserted.partition("\n")[0] or text


def _write_report(_: str, told: Iterable[str], path: str) -> None:
    name = f"{path}.{uuid.uuid4().hex}"
    with tf.io.gfile.GFile(name, "w") as file:
        file.write(json.dumps([json.loads(text) for text in told]))
    tf.io.gfile.rename(name, path, overwrite=True)
