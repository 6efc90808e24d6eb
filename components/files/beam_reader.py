"""Files as an ExampleReader: each split a Beam collection of serialized examples."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import apache_beam as beam
from absl import logging
from apache_beam.pvalue import PCollection, TaggedOutput
from tfx_bsl.coders.example_coder import RecordBatchToExamplesEncoder

from components.files.bad_input import BadInput
from components.files.places import match
from components.files.reading import read_unit
from components.files.rules import ReadRules
from components.files.shares import Unit, units
from configs.column import Column
from configs.data import Files

_BAD = "bad input"


class FileReader:
    """Reader of `data.files`; what is left out is counted and logged as a warning.

    Attributes:
        rules: How it reads.
    """

    def __init__(
        self,
        *,
        files: Mapping[str, Any],
        columns: Mapping[str, Mapping[str, Any]],
        label: str | None = None,
        paired: Iterable[Sequence[str]] = (),
    ) -> None:
        """Takes JSON-able options, as `reader_of` gives them.

        Args:
            files: `configs.data.Files`.
            columns: `configs.column.Column` by name: what examples shall hold.
            label: The column that must be 0 or 1.
            paired: (Weights column, ids column) that must have equal lengths.
        """
        self._files = Files(**files)
        self.rules = ReadRules(
            columns={name: Column(**column) for name, column in columns.items()},
            paired=tuple((weights, ids) for weights, ids in paired),
            label=label,
            **self._files.model_dump(include=_RULES_OF_FILES),
            held_out=self._files.held_out,
        )

    @property
    def columns(self) -> Mapping[str, Column]:
        """What every example holds, by column name."""
        return self.rules.columns

    @property
    def splits(self) -> tuple[str, ...]:
        """Names of the splits: those with files, then those held out of "train"."""
        return (*self._files.splits, *self._files.held_out)

    def examples(self, root: beam.Pipeline, path: str) -> dict[str, PCollection[bytes]]:
        """Adds the reading of the files below a path to a pipeline.

        Args:
            root: The pipeline to read in.
            path: The folder, file or zip archive.

        Returns:
            Serialized examples of each split, by split name.

        Raises:
            BadInputError: A split has no file. What is bad in the files raises it when
                the pipeline runs.
        """
        shares = [
            (split, unit)
            for split, pattern in self._files.splits.items()
            for unit in units(
                match(path, pattern), self.rules.of_split(split), os.cpu_count() or 1
            )
        ]
        read = (
            root
            | "Units" >> beam.Create(shares)
            | "Spread" >> beam.Reshuffle()
            | "ReadFiles"
            >> beam.FlatMap(_examples, self.rules).with_outputs(_BAD, *self.splits)
        )
        _ = (
            read[_BAD]
            | "AllBadInput" >> beam.CombineGlobally(_merged)
            | "WarnOfBadInput" >> beam.Map(_warn)
        )
        return {split: read[split] for split in self.splits}


_RULES_OF_FILES = {
    "format",
    "positive_from",
    "list_separator",
    "list_strip",
    "on_bad_example",
    "max_values",
}


def _examples(share: tuple[str, Unit], rules: ReadRules) -> Iterator[TaggedOutput]:
    split, unit = share
    bad = BadInput(rules.on_bad_example)
    encoder = RecordBatchToExamplesEncoder()
    for name, batch in read_unit(unit, rules.of_split(split), bad):
        for example in encoder.encode(batch):
            yield TaggedOutput(name, example)
    yield TaggedOutput(_BAD, bad)


def _merged(counts: Iterable[BadInput]) -> BadInput:
    merged = BadInput("skip")
    for bad in counts:
        merged.merge(bad)
    return merged


def _warn(bad: BadInput) -> None:
    for line in bad.lines():
        logging.warning(line)
