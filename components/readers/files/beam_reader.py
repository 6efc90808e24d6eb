"""Files as an ExampleReader: each split a Beam collection of serialized examples."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import apache_beam as beam
from absl import logging
from apache_beam.pvalue import PCollection, TaggedOutput
from tfx_bsl.coders.example_coder import RecordBatchToExamplesEncoder

from shardline.components.machine.cores import usable_cores
from shardline.components.readers.files.joins.join import joins_of
from shardline.components.readers.files.judging.bad_input import BadInput
from shardline.components.readers.files.judging.tally import Tally
from shardline.components.readers.files.locations import (
    Matches,
    leftovers_said,
    match,
    matches,
)
from shardline.components.readers.files.read_settings import ReadSettings
from shardline.components.readers.files.spans.found import SpansOfFiles, SpanToRead
from shardline.components.readers.files.splits.sampled import why_empty
from shardline.components.readers.files.unit_reader import read_unit
from shardline.components.readers.files.units import Unit, units_of
from shardline.components.readers.span_reader import FoundSpan
from shardline.configs.column import Column
from shardline.configs.data import Files
from shardline.configs.spans import Spans

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
        spans: Mapping[str, Any] | None = None,
    ) -> None:
        """Takes JSON-able options, as `reader_of` gives them.

        Args:
            files: `configs.data.Files`.
            columns: `configs.column.Column` by name: what examples shall hold.
            label: the column that must be 0 or 1.
            paired: (Weights column, ids column) that must have equal lengths.
            spans: `configs.spans.Spans`; None: the data is there as a whole.

        Raises:
            ValueError: if the data comes in spans, and nothing tells them apart.
        """
        self._files = Files(**files)
        settings = ReadSettings(
            columns={name: Column(**column) for name, column in columns.items()},
            paired=tuple((weights, ids) for weights, ids in paired),
            label=label,
            **self._files.model_dump(include=_SETTINGS_OF_FILES),
            held_out=self._files.held_out,
            dialect=self._files.dialect,
        )
        self.settings = dataclasses.replace(
            settings, joins=joins_of(self._files, settings)
        )
        self._times: str | None = None
        self._spans: SpansOfFiles | None = None
        if spans is not None:
            rules = Spans(**spans)
            self._times = rules.column
            self._spans = SpansOfFiles(
                self._files.splits["train"],
                self.settings,
                column=rules.column,
                every=rules.every,
            )

    @property
    def columns(self) -> Mapping[str, Column]:
        """What every example holds, by column name."""
        times = {self._times: Column("int64")} if self._times else {}
        return {**times, **self.settings.columns}

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
        return {split: found.files for split, found in self._found(path).items()}

    def _found(self, path: str) -> dict[str, Matches]:
        patterns = self._files.splits.items()
        return {split: matches(path, pattern) for split, pattern in patterns}

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
        cores, settings = usable_cores(), self.settings.located(path)
        found = self._found(path)
        work = [
            (split, unit)
            for split, (files, _) in found.items()
            for unit in units_of(files, settings.of_split(split), cores)
        ]
        read = (
            root
            | "Units" >> beam.Create(work)
            | "Spread" >> beam.Reshuffle()
            | "ReadFiles"
            >> beam.FlatMap(_examples, settings).with_outputs(_REPORTS, *self.splits)
        )
        leftovers = root | "Leftovers" >> beam.Create([_report_of_leftovers(found)])
        reports = (read[_REPORTS], leftovers) | "Reports" >> beam.Flatten()
        return {split: read[split] for split in self.splits}, reports

    def spans(self, path: str) -> list[FoundSpan]:
        """Returns all versions of all spans that are there, in the order of time.

        Without `{SPAN}` in the pattern, the column of times is read for it.

        Args:
            path: the folder, file or zip archive.

        Raises:
            BadInputError: if a name is no span, two spans overlap, or a time is bad.
        """
        return self._of_spans.found(path)

    def span_examples(
        self, root: beam.Pipeline, path: str, spans: Sequence[FoundSpan]
    ) -> dict[FoundSpan, PCollection[bytes]]:
        """Adds the reading of some spans to a pipeline; nothing else is read.

        Args:
            root: the pipeline to read in.
            path: the folder, file or zip archive.
            spans: of `spans`.

        Returns:
            Serialized examples of each span; without `columns` that says otherwise, the
            column of times holds seconds since 1970.

        Raises:
            BadInputError: a span is not there as it was found. What is bad in the files
                raises it when the pipeline runs.
        """
        examples, reports = self.read_spans(root, self.spans_to_read(path, spans))
        _ = reports | "WarnOfBadInput" >> beam.Map(_warn)
        return examples

    def spans_to_read(self, path: str, spans: Sequence[FoundSpan]) -> list[SpanToRead]:
        """Returns files and settings of some spans.

        Args:
            path: the folder, file or zip archive.
            spans: of `spans`.

        Raises:
            BadInputError: a span is not there as it was found.
        """
        return self._of_spans.to_read(path, spans)

    def read_spans(
        self, root: beam.Pipeline, spans: Sequence[SpanToRead]
    ) -> tuple[dict[FoundSpan, PCollection[bytes]], PCollection[str]]:
        """Adds the reading of some spans to a pipeline.

        Args:
            root: the pipeline to read in.
            spans: as `spans_to_read` gives them.

        Returns:
            Serialized examples of each span; and a report of each unit of work, what it
            read and left out, as JSON, with the span's name and version.
        """
        cores = usable_cores()
        work = [
            (number, span, unit)
            for number, span in enumerate(spans)
            for unit in units_of(span.files, span.settings, cores)
        ]
        tags = [f"span-{number}" for number in range(len(spans))]
        read = (
            root
            | "Units" >> beam.Create(work)
            | "Spread" >> beam.Reshuffle()
            | "ReadFiles"
            >> beam.FlatMap(_examples_of_span).with_outputs(_REPORTS, *tags)
        )
        examples = {s.found: read[tag] for s, tag in zip(spans, tags, strict=True)}
        return examples, read[_REPORTS]

    @cached_property
    def _of_spans(self) -> SpansOfFiles:
        if self._spans is None:
            raise ValueError(
                "The data is there as a whole, for `data.spans` says nothing. Give it."
            )
        return self._spans

    def why_empty(self, path: str, split: str) -> str:
        """Returns why a split came out without an example, or "".

        Args:
            path: the folder, file or zip archive that was read.
            split: its name.
        """
        held_out = split in self._files.held_out
        pattern = self._files.splits["train" if held_out else split]
        settings = self.settings if held_out else self.settings.of_split(split)
        return why_empty(split, match(path, pattern), settings.located(path))


_SETTINGS_OF_FILES = {
    "format",
    "label_words",
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


def _examples_of_span(
    work: tuple[int, SpanToRead, Unit],
) -> Iterator[TaggedOutput[str, Any]]:
    number, span, unit = work
    bad, tally = span.settings.new_bad_input(), Tally()
    encoder = RecordBatchToExamplesEncoder()
    for _, batch in read_unit(unit, span.settings, bad, tally=tally):
        for example in encoder.encode(batch):
            yield TaggedOutput(f"span-{number}", example)
    report = {
        "span": [span.found.span, span.found.version],
        "bad": dataclasses.asdict(bad),
        "tally": dataclasses.asdict(tally),
    }
    yield TaggedOutput(_REPORTS, json.dumps(report))


def _report_of_leftovers(found: Mapping[str, Matches]) -> str:
    """Returns what was found and is not read, as a report of a unit of work."""
    bad = BadInput()
    for _, leftovers in found.values():
        if leftovers:
            bad.add_leftovers(leftovers_said(leftovers))
    report = {"bad": dataclasses.asdict(bad), "tally": dataclasses.asdict(Tally())}
    return json.dumps(report)


def _warn(report: str) -> None:
    for line in BadInput.from_json(json.loads(report)["bad"]).lines():
        logging.warning(line)
