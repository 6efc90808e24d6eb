"""The first Beam job: one pass over the training examples, then one step a table.

Workers count what their units of work hold and send counts on in shards; these are
written to files, a folder a span, which a later job may find again in its cache. Then
each table's vocabulary is put in order from the files of all spans.

    units -> count -> by (span, table, shard) -> files -> by table -> vocabulary
"""

import dataclasses
import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import apache_beam as beam
from apache_beam.pvalue import PCollection
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.windowed_value import WindowedValue

from shardline.components.features.analysis.counts import (
    TableCounts,
    from_bytes,
    merged,
    to_bytes,
)
from shardline.components.features.analysis.living import write_living_vocabulary
from shardline.components.features.analysis.summary import Summarizer
from shardline.components.features.analysis.vocabulary import write_vocabulary
from shardline.components.features.graph.derived import DerivedBatches
from shardline.components.features.living.counting import Counting
from shardline.components.features.reading.staged import StagedUnit
from shardline.components.features.writing.atomic_file import AtomicFile
from shardline.components.readers.files import (
    BadInputError,
    ReadSettings,
    Tally,
    Unit,
    read_unit,
)
from shardline.configs.schema import Preprocessing

# Counts that a worker holds before it sends them on, in bytes.
_HELD_BYTES = 64 << 20

_Key = tuple[str, str, int]  # folder of the span, table or "", shard


class SpanUnit(NamedTuple):
    """A unit of work, and the folder where its span's counts go."""

    folder: str
    unit: Unit


class LivingCounts(NamedTuple):
    """What is counted into vocabularies that live.

    Attributes:
        counting: the spans, and what the vocabularies go on from.
        ages: by folder of a span's counts, the age of the vocabularies then.
    """

    counting: Counting
    ages: Mapping[str, int]


class Analyze(beam.PTransform[Any, Any]):
    """Units of work to files of counts and summaries, and a vocabulary a table."""

    def __init__(
        self,
        settings: ReadSettings,
        preprocessing: Preprocessing,
        *,
        vocabularies: str,
        known: Iterable[tuple[str, str]],
        counting: LivingCounts,
        staging: str | None = None,
        derived: str | None = None,
    ):
        """Sets what to count.

        Args:
            settings: how to read; rows of their `split` are counted.
            preprocessing: the features, numbers and tables to preprocess.
            vocabularies: folder for the files of tokens.
            known: (table, file of counts) of spans that are counted already.
            counting: what is counted into vocabularies that live.
            staging: folder for what is read, for the second job; None keeps nothing.
            derived: folder of the graph of the user's own function, if there is one.
        """
        super().__init__()
        self._count = _Count(settings, preprocessing, staging, derived)
        self._preprocessing = preprocessing
        self._vocabularies = vocabularies
        self._known = list(known)
        self._counting = counting

    def expand(self, units: PCollection[SpanUnit]) -> PCollection[str]:
        """Returns the names of the tables whose vocabularies are written."""
        tables = [
            table
            for table in self._preprocessing.vocabularies
            if self._preprocessing.ids_of(table).kind == "vocabulary"
        ]
        found = (
            units
            | "Count" >> beam.ParDo(self._count)
            | "BySpanTableShard" >> beam.GroupByKey()
            | "WriteCounts" >> beam.FlatMap(_write_counts)
        )
        known = units.pipeline | "Tables" >> beam.Create(
            [*((table, "") for table in tables), *self._known]
        )
        written: PCollection[str] = (
            (found, known)
            | beam.Flatten()
            | "ByTable" >> beam.GroupByKey()
            | "WriteVocabulary"
            >> beam.Map(
                _write_vocabulary,
                self._vocabularies,
                self._preprocessing,
                self._counting,
            )
        )
        return written


class _Count(beam.DoFn):
    """Reads units of work and counts what is in them."""

    def __init__(
        self,
        settings: ReadSettings,
        preprocessing: Preprocessing,
        staging: str | None,
        derived: str | None,
    ):
        self._settings = settings
        self._preprocessing = preprocessing
        self._staging = staging
        self._derived = derived
        self._derived_batches: DerivedBatches | None = None

    def setup(self) -> None:
        if self._preprocessing.derived and self._derived:
            self._derived_batches = DerivedBatches(
                self._derived, self._preprocessing.derived
            )

    def start_bundle(self) -> None:
        self._counts: dict[str, TableCounts] = {}

    def process(self, element: SpanUnit) -> Iterator[tuple[_Key, bytes]]:
        folder, unit = element
        counts = self._counts.setdefault(folder, TableCounts(self._preprocessing))
        counted_before = counts.added
        summarizer = Summarizer(self._preprocessing)
        bad, tally = self._settings.new_bad_input(), Tally()
        staged = StagedUnit(self._staging, unit) if self._staging else None
        rows: Counter[str] = Counter()
        try:
            for split, batch in read_unit(unit, self._settings, bad, tally=tally):
                if staged:
                    staged.write(split, batch)
                if split == self._settings.split:
                    if self._derived_batches:
                        batch = self._derived_batches.with_derived(batch)
                    counts.add(batch)
                    summarizer.add(batch)
                rows[split] += batch.num_rows
                if self._held_bytes() > _HELD_BYTES:
                    yield from self._drained()
        except BadInputError as error:
            # Told by the job's end: a runner would try again, and bury it in its trace.
            failure = str(error)
        else:
            failure = ""
            if staged:
                staged.finish()
        summary = {
            "unit": dataclasses.astuple(unit),
            "summary": summarizer.drain().to_json(),
            "rows": rows,
            "tokens": counts.added - counted_before,
            "tally": dataclasses.asdict(tally),
            "bad": dataclasses.asdict(bad),
            "failure": failure,
        }
        yield (folder, "", 0), json.dumps(summary).encode()

    def finish_bundle(self) -> Iterator[WindowedValue]:
        window = GlobalWindow()
        for element in self._drained():
            yield WindowedValue(element, window.max_timestamp(), (window,))

    def _held_bytes(self) -> int:
        return sum(counts.nbytes for counts in self._counts.values())

    def _drained(self) -> Iterator[tuple[_Key, bytes]]:
        for folder, counts in self._counts.items():
            for table, shard, data in counts.drain():
                yield (folder, table, shard), data


def _write_counts(group: tuple[_Key, Iterable[bytes]]) -> Iterator[tuple[str, str]]:
    """Writes what was found for one key; yields (table, file) for counts."""
    (folder, table, shard), found = group
    if not table:
        units = sorted(map(json.loads, found), key=lambda report: report["unit"])
        _write(os.path.join(folder, SUMMARY_FILE), json.dumps(units).encode())
        return
    counts = merged([from_bytes(data) for data in found])
    file = os.path.join(folder, f"{table}-{shard}")
    _write(file, to_bytes(counts))
    yield table, file


def _write_vocabulary(
    group: tuple[str, Iterable[str]],
    vocabularies: str,
    preprocessing: Preprocessing,
    living: LivingCounts,
) -> str:
    """Puts the tokens of a table in order, from its files of counts."""
    table, files = group[0], sorted(set(group[1]) - {""})
    path, rules = os.path.join(vocabularies, table), preprocessing.vocabularies[table]
    if rules.living:
        statistics, changes = write_living_vocabulary(
            vocabularies, table, _by_age(files, living), preprocessing, living.counting
        )
        _write(f"{path}{CHANGES}", changes.model_dump_json().encode())
    else:
        shards: dict[int, list[str]] = {}
        for file in files:
            shards.setdefault(int(file.rpartition("-")[2]), []).append(file)
        statistics = write_vocabulary(path, shards, rules)
    _write(f"{path}.json", statistics.model_dump_json().encode())
    return table


def _by_age(files: Iterable[str], living: LivingCounts) -> dict[int, list[str]]:
    """Returns the files of spans that are counted into living vocabularies."""
    ages: dict[int, list[str]] = {}
    for file in files:
        if (folder := os.path.dirname(file)) in living.ages:
            ages.setdefault(living.ages[folder], []).append(file)
    return ages


SUMMARY_FILE = "summary.json"
# Ends the file, beside a vocabulary that lives, of what became of it.
CHANGES = ".changes.json"


def _write(path: str, data: bytes) -> None:
    """Writes a file whole: a runner may repeat a step while the next one reads."""
    file = AtomicFile(path)
    with file.open() as written:
        written.write(data)
    file.rename()
