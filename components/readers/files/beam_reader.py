"""Files as an ExampleReader: each split a Beam collection of serialized examples."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import apache_beam as beam
from absl import logging
from apache_beam.pvalue import PCollection, TaggedOutput
from tfx_bsl.coders.example_coder import RecordBatchToExamplesEncoder

from shardline.components.readers.files.judging.bad_input import BadInput
from shardline.components.readers.files.judging.tally import Tally
from shardline.components.readers.files.locations import match
from shardline.components.readers.files.read_settings import ReadSettings
from shardline.components.readers.files.splits.sampled import why_empty
from shardline.components.readers.files.unit_reader import read_unit
from shardline.components.readers.files.units import Unit, units_of
from shardline.configs.column import Column
from shardline.configs.data import Files

_REPORTS = "reports"


class FileReader:
    """Reader of `data.files`; what is left out is counted and logged as a warning.

    Attributes:
        settings: how it reads.
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
            label: the column that must be 0 or 1.
            paired: (Weights column, ids column) that must have equal lengths.
        """
        self._files = Files(**files)
        self.settings = ReadSettings(
            columns={name: Column(**column) for name, column in columns.items()},
            paired=tuple((weights, ids) for weights, ids in paired),
            label=label,
            **self._files.model_dump(include=_SETTINGS_OF_FILES),
            held_out=self._files.held_out,
        )

    @property
    def columns(self) -> Mapping[str, Column]:
        """What every example holds, by column name."""
        return self.settings.columns

    @property
    def splits(self) -> tuple[str, ...]:
        """Names of the splits: those with files, then those held out of "train"."""
        return (*self._files.splits, *self._files.held_out)

    def examples(self, root: beam.Pipeline, path: str) -> dict[str, PCollection[bytes]]:
        """Adds the reading of the files below a path to a pipeline.

        Args:
            root: the pipeline to read in.
            path: the folder, file or zip archive.

        Returns:
            Serialized examples of each split, by split name.

        Raises:
            BadInputError: a split has no file. What is bad in the files raises it when
                the pipeline runs.
        """
        examples, reports = self.read(root, path)
        _ = reports | "WarnOfBadInput" >> beam.Map(_warn)
        return examples

    def files(self, path: str) -> dict[str, list[str]]:
        """Returns the files below a path, by the split of their pattern.

        Args:
            path: the folder, file or zip archive.

        Raises:
            BadInputError: a split has no file.
        """
        patterns = self._files.splits.items()
        return {split: match(path, pattern) for split, pattern in patterns}

    def read(
        self, root: beam.Pipeline, path: str
    ) -> tuple[dict[str, PCollection[bytes]], PCollection[str]]:
        """Adds the reading of the files below a path to a pipeline.

        Args:
            root: the pipeline to read in.
            path: the folder, file or zip archive.

        Returns:
            Serialized examples of each split, by split name; and a report of
            each unit of work, what it read and left out, as JSON.

        Raises:
            BadInputError: a split has no file. What is bad in the files raises it when
                the pipeline runs.
        """
        cores = os.cpu_count() or 1
        work = [
            (split, unit)
            for split, files in self.files(path).items()
            for unit in units_of(files, self.settings.of_split(split), cores)
        ]
        read = (
            root
            | "Units" >> beam.Create(work)
            | "Spread" >> beam.Reshuffle()
            | "ReadFiles"
            >> beam.FlatMap(_examples, self.settings).with_outputs(
                _REPORTS, *self.splits
            )
        )
        return {split: read[split] for split in self.splits}, read[_REPORTS]

    def why_empty(self, path: str, split: str) -> str:
        """Returns why a split came out without an example, or "".

        Args:
            path: the folder, file or zip archive that was read.
            split: its name.
        """
        held_out = split in self._files.held_out
        pattern = self._files.splits["train" if held_out else split]
        settings = self.settings if held_out else self.settings.of_split(split)
        return why_empty(split, match(path, pattern), settings)


_SETTINGS_OF_FILES = {
    "format",
    "positive_from",
    "list_separator",
    "list_strip",
    "on_bad_example",
    "on_bad_file",
    "max_bad_share",
    "max_values",
}


def _examples(
    work: tuple[str, Unit], settings: ReadSettings
) -> Iterator[TaggedOutput[str, Any]]:
    split, unit = work
    bad, tally = settings.new_bad_input(), Tally()
    encoder = RecordBatchToExamplesEncoder()
    for name, batch in read_unit(unit, settings.of_split(split), bad, tally=tally):
        for example in encoder.encode(batch):
            yield TaggedOutput(name, example)
    report = {"bad": dataclasses.asdict(bad), "tally": dataclasses.asdict(tally)}
    yield TaggedOutput(_REPORTS, json.dumps(report))


def _warn(report: str) -> None:
    for line in BadInput(**json.loads(report)["bad"]).lines():
        logging.warning(line)
