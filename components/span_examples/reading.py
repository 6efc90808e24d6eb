"""Reads spans into the store: one Beam job for all of them."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import apache_beam as beam
import tensorflow as tf
from apache_beam.pvalue import AsSingleton, PCollection, TaggedOutput
from apache_beam.transforms import combiners

from shardline.components.contracts.data_card import DataCard, data_card_of
from shardline.components.contracts.erasures.examples import Erasure
from shardline.components.contracts.erasures.reading import left_over
from shardline.components.contracts.spans.profile import SpanProfile
from shardline.components.execution.worker_reports import WriteReports, read_reports
from shardline.components.features.writing.atomic_file import AtomicFile
from shardline.components.readers.files import LostRowsError, refuse
from shardline.components.readers.files.beam_reader import FileReader
from shardline.components.readers.files.judging.unit_reports import merge_reports
from shardline.components.readers.files.spans.found import SpanToRead
from shardline.components.readers.span_reader import FoundSpan, SpanReader
from shardline.components.span_examples.examination import (
    DIGEST_BYTES,
    Asked,
    SumUp,
    canonical,
    examine,
)
from shardline.components.span_examples.store import (
    StoredPart,
    StoredSpan,
    new_folder,
    put,
)

_BATCH = 1024
_SUMS, _TIMES = "sums", "times"
# Half of what the Trainer's shuffle holds, so that it mixes spans.
_EXAMPLES_OF_A_FILE = 50_000

_Ordered = tuple[bytes, int | None, bytes]  # (digest, time, serialized)
_Place = tuple[str, int, int]  # (part, number of the file, number of files)


@dataclasses.dataclass(frozen=True)
class Reading:
    """How spans are read.

    Attributes:
        reader: what reads them.
        path: where the raw data lies.
        asked: what is looked for in examples.
        tail: the part of a span, by time, that is its tail.
        erasure: what is left out; None for nothing.
    """

    reader: SpanReader
    path: str
    asked: Asked
    tail: float
    erasure: Erasure | None = None


def read_spans(
    folders: Mapping[FoundSpan, str],
    reading: Reading,
    pipeline: Callable[[], beam.Pipeline],
    report_file: str,
) -> None:
    """Reads spans, and puts each into its folder of the store once all are whole.

    Args:
        folders: the place of each in the store.
        reading: how.
        pipeline: makes a Beam pipeline, to be entered as a context.
        report_file: where workers report to; removed in the end.

    Raises:
        BadInputError: if something in files is bad and not to be skipped.
        LostRowsError: if not every row that was read came out.
        ValueError: if the reader refuses the data or a span is empty.
    """
    spans = list(folders)
    with contextlib.ExitStack() as stack:
        written = {
            span: stack.enter_context(new_folder(folders[span])) for span in spans
        }
        to_read: Sequence[SpanToRead] = ()
        with pipeline() as root:
            if isinstance(reading.reader, FileReader):
                to_read = reading.reader.spans_to_read(reading.path, spans)
                examples, of_files = reading.reader.read_spans(root, to_read)
                lines: list[Any] = [of_files]
            else:
                examples = reading.reader.span_examples(root, reading.path, spans)
                lines = []
            for span in spans:
                write = _WriteSpan(
                    f"{span.span}.v{span.version}",
                    span,
                    written[span],
                    reading,
                )
                lines.append(examples[span] | f"Span[{write.name}]" >> write)
            _ = lines | beam.Flatten() | "WriteReports" >> WriteReports(report_file)
        reports = read_reports(report_file)
        tf.io.gfile.remove(report_file)
        stored = {
            span: _stored(span, reports, to_read[n] if to_read else None, reading)
            for n, span in enumerate(spans)
        }
        for span in spans:
            put(stored[span], written[span], folders[span])


class _WriteSpan(beam.PTransform[Any, Any]):
    """Writes the examples of a span, in the order of their digests.

    That order is the same however often it is done, and has neither time nor file in
    it, so that each file is a fair sample of its span.
    """

    def __init__(
        self,
        name: str,
        span: FoundSpan,
        folder: str,
        reading: Reading,
    ):
        super().__init__()
        self.name = name
        self._span = span
        self._folder = folder
        self._reading = reading

    def expand(self, examples: PCollection[Any]) -> PCollection[str]:
        """Returns reports: of what the span is like, its files, and what was erased."""
        told = [self._span.span, self._span.version]
        lines = []
        records = examples | "Canonical" >> beam.Map(canonical)
        if self._reading.erasure:
            records, dropped, _ = left_over(records, self._reading.erasure, self.name)
            lines.append(
                dropped
                | "CountErased" >> combiners.Count.Globally()
                | "TellErased"
                >> beam.Map(lambda n: json.dumps({"erased_of": told, "count": n}))
            )
        examined = (
            records
            | beam.BatchElements(min_batch_size=_BATCH, max_batch_size=_BATCH)
            | "Examine"
            >> beam.FlatMap(
                _examined, self._span.span, self._reading.asked
            ).with_outputs(_SUMS, _TIMES, main="examples")
        )
        profile = examined[_SUMS] | "SumUp" >> beam.CombineGlobally(SumUp())
        lines.append(profile | "TellProfile" >> beam.Map(_profile_report, told))
        tail = None
        if self._reading.asked.time:
            tail = AsSingleton(
                examined[_TIMES]
                | "OfTimes" >> beam.CombinePerKey(sum)
                | "AllTimes" >> combiners.ToList()
                | "TailStart" >> beam.Map(_tail_start, self._reading.tail)
            )
        lines.append(
            examined["examples"]
            | "Places" >> beam.Map(_placed, AsSingleton(profile), tail)
            | "ByFile" >> beam.GroupByKey()
            | "WriteFile" >> beam.Map(_write, self._folder, told)
        )
        reports: PCollection[str] = lines | beam.Flatten()
        return reports


def _examined(batch: list[bytes], span: str, asked: Asked) -> Iterator[Any]:
    sums, digests, us = examine(span, batch, asked)
    yield TaggedOutput(_SUMS, sums)
    times: dict[int, int] = {}
    for time in us or ():
        times[time] = times.get(time, 0) + 1
    for counted in times.items():
        yield TaggedOutput(_TIMES, counted)
    for place, record in enumerate(batch):
        yield digests[place], us[place] if us else None, record


def _tail_start(counts: list[tuple[int, int]], fraction: float) -> int:
    """Returns the first time of the tail; examples of equal time stay together."""
    wanted = max(1, round(sum(count for _, count in counts) * fraction))
    for time, count in sorted(counts, reverse=True):
        wanted -= count
        if wanted <= 0:
            return time
    return 0


def _placed(
    example: _Ordered, profile: SpanProfile, tail_start: int | None = None
) -> tuple[_Place, tuple[bytes, bytes]]:
    digest, us, record = example
    files = -(-profile.examples // _EXAMPLES_OF_A_FILE)
    part = "all"
    if us is not None and tail_start is not None:
        part = "tail" if us >= tail_start else "head"
    number = int.from_bytes(digest[: DIGEST_BYTES // 2], "little") % files
    return (part, number, files), (digest, record)


def _write(
    group: tuple[_Place, Iterable[tuple[bytes, bytes]]], folder: str, told: list[Any]
) -> str:
    (part, number, files), examples = group
    name = f"{part}-{number:05}-of-{files:05}.gz"
    file = AtomicFile(os.path.join(folder, name))
    count = 0
    with tf.io.TFRecordWriter(file.written, "GZIP") as writer:
        for _, record in sorted(examples):
            writer.write(record)
            count += 1
    file.rename()
    return json.dumps({"file_of": told, "part": part, "name": name, "examples": count})


def _profile_report(profile: SpanProfile, told: list[Any]) -> str:
    return json.dumps({"profile_of": told, "profile": profile.model_dump(mode="json")})


def _stored(
    span: FoundSpan,
    reports: Sequence[Mapping[str, Any]],
    to_read: SpanToRead | None,
    reading: Reading,
) -> StoredSpan:
    """Returns what was read of a span, after checking that all of it came out."""
    told = [span.span, span.version]
    profiles = [one["profile"] for one in reports if one.get("profile_of") == told]
    if not profiles:
        raise LostRowsError(
            f"No worker told how many examples span {span.span} has: the runner has "
            "lost it."
        )
    profile = SpanProfile(**profiles[0])
    erased = sum(one["count"] for one in reports if one.get("erased_of") == told)
    data_card = DataCard(examples={span.span: profile.examples}, erased=erased)
    if to_read:
        data_card = _data_card(span, reports, to_read, profile, erased, reading.path)
        data_card = data_card.without_erased(reading.erasure)
    files = [one for one in reports if one.get("file_of") == told]
    written = sum(file["examples"] for file in files)
    if written != profile.examples:
        raise LostRowsError(
            f"Span {span.span}: {profile.examples:,} examples were found and "
            f"{written:,} written."
        )
    if not written:
        why = " All of them were erased." if erased else ""
        raise ValueError(
            f"Span {span.span} is empty: the reader gave it no example.{why} Leave it "
            "out (`shardline spans`), or change the data."
        )
    has_times = any(file["part"] != "all" for file in files)
    return StoredSpan(
        span=span.span,
        version=span.version,
        parts={
            part: StoredPart(
                files=tuple(sorted(f["name"] for f in files if f["part"] == part)),
                examples=sum(f["examples"] for f in files if f["part"] == part),
            )
            for part in (("head", "tail") if has_times else ("all",))
        },
        profile=profile,
        data_card=data_card,
    )


def _data_card(
    span: FoundSpan,
    reports: Sequence[Mapping[str, Any]],
    to_read: SpanToRead,
    profile: SpanProfile,
    erased: int,
    path: str,
) -> DataCard:
    """Returns what became of files, after checking that all rows came out."""
    told = [span.span, span.version]
    units = [
        {"bad": one["bad"], "tally": one["tally"]}
        for one in reports
        if one.get("span") == told
    ]
    bad, tally = merge_reports(units)
    refuse(tally, bad, {span.span: to_read.files}, to_read.settings)
    read = sum(given.get(span.span, 0) for given in tally.given.values())
    if read != profile.examples + erased:
        raise LostRowsError(
            f"Span {span.span}: {read:,} examples were read of its files, "
            f"{profile.examples:,} came out and {erased:,} were erased."
        )
    return data_card_of(
        {span.span: read - erased}, tally, bad, path, erased, to_read.settings.joins
    )
