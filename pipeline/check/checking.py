"""A configuration and its data, compared from the quick to the slow.

The sample's columns come first, which takes no TensorFlow; then what the configuration
names by import path; then the preprocessing itself, unless a column is at fault.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pyarrow as pa

from components.files import BadInputError, ReadRules, match, rules_of, sample
from configs import ConfigError, load_job, load_run
from configs.column import Column
from configs.schema import Data, Derived, Job
from pipeline.check import column_rules, report, table_rules, token_rules
from pipeline.check.findings import Finding, finding_of, in_order
from pipeline.check.report import ColumnReport, Report
from pipeline.check.seen import Seen, seen_in
from pipeline.check.uses import Use, uses_of
from pipeline.datasets import DatasetError, place_of
from pipeline.layout import Layout

_OTHER_SPLITS_ROWS = 100


def check(config: Path, rows: int, say: Callable[[str], None]) -> Report:
    """Checks a configuration against a sample of its data.

    Args:
        config: YAML file.
        rows: the most examples to sample.
        say: takes a line that tells what is being done, where that takes long.

    Raises:
        ConfigError: if the configuration has faults that it shows by itself.
    """
    job = load_job(config)
    checked = _Check(job, uses_of(job))
    if job.data.files:
        checked.sampled(rows, say)
    say("Trying what the configuration names, and the preprocessing")
    checked.named_outside(config)
    checked.proved(rows)
    return checked.report(config)


class _Check:
    """The findings so far."""

    def __init__(self, job: Job, uses: list[Use]) -> None:
        self._job = job
        self._uses = uses
        self._findings: list[Finding] = []
        self._columns: list[ColumnReport] = []
        self._notes: list[str] = []
        self._files: dict[str, str] = {}
        self._rows: int | None = None

    def report(self, config: Path) -> Report:
        """Returns all that was found."""
        return Report(
            str(config),
            tuple(self._columns),
            tuple(in_order(self._findings, config)),
            self._rows,
            tuple(self._notes),
        )

    def sampled(self, rows: int, say: Callable[[str], None]) -> None:
        """Compares the columns of a sample of `data.files`."""
        job, rules = self._job, rules_of(self._job.data, self._job)
        self._find_files(say)
        if "train" not in self._files:
            return
        try:
            batch = sample([self._files["train"]], rules, rows)
        except BadInputError as error:
            self._bad_split("train", error)
            return
        self._rows = batch.num_rows
        seen = self._seen(batch, rules)
        for use in self._uses:
            self._findings += _column_findings(use, seen, batch, rules)
        self._findings += _id_findings(job, seen, self._uses, rules)
        self._columns += [
            report.of_sample(name, uses, uses[0].needed, seen.get(name))
            for name, uses in _by_column(self._uses).items()
        ]

    def _find_files(self, say: Callable[[str], None]) -> None:
        """Finds the first file of each split."""
        data = self._job.data
        if data.download:
            say(f"Fetching {data.download.requirement}, unless it is there")
        downloads = Layout(Path("runs", self._job.name).resolve()).data
        try:
            path = place_of(data, downloads)
        except DatasetError as error:
            place = ("data", "download")
            self._findings.append(Finding(place, "data", str(error), ""))
            return
        if "://" not in path and not Path(path).exists():
            fact = f"there is no file or folder {path}."
            remedy = "Correct `path`, which starts at the current folder."
            self._findings.append(Finding(("data", "path"), "data", fact, remedy))
            return
        for split, pattern in data.files.splits.items() if data.files else ():
            try:
                found = match(path, pattern.replace("{SPAN}", "*"))
            except BadInputError as error:
                self._bad_split(split, error)
            else:
                self._files[split] = found[0]

    def _bad_split(self, split: str, error: BadInputError) -> None:
        place = ("data", "files", "splits", split)
        self._findings.append(Finding(place, f"split `{split}`", str(error), ""))

    def _seen(self, batch: pa.RecordBatch, rules: ReadRules) -> dict[str, Seen]:
        return {
            name: seen_in(batch, name, uses[0].needed, self._files["train"], rules)
            for name, uses in _by_column(self._uses).items()
            if name in batch.schema.names
        }

    def named_outside(self, config: Path) -> None:
        """Tries what the configuration names by import path: reader and model."""
        from pipeline import preflight

        preflight.find_own_modules()
        job = self._job
        if job.data.reader:
            self._reader(job.data)
        if job.derived:
            self._derived(job.derived)
        if job.training is None or job.evaluation is None:
            self._notes.append(
                "Without `training` and `evaluation` the model was not tried; "
                "`shardline run` needs both."
            )
            return
        try:
            preflight.check(load_run(config))
        except ConfigError as error:
            self._findings += map(finding_of, str(error).splitlines())

    def _reader(self, data: Data) -> None:
        """Compares the columns that a reader declares."""
        from components.features.schema import column_faults
        from components.import_path import construct

        assert data.reader is not None  # by the caller
        self._notes.append(
            f"No sample was taken: the data come from reader `{data.reader}`, whose "
            "declared columns were compared."
        )
        try:
            declared: Mapping[str, Column] = construct(
                data.reader, data.options
            ).columns
        except ValueError as error:
            self._findings.append(finding_of(f"data.reader: {error}"))
            return
        faults = column_faults(self._job, data.target, declared)
        self._findings += map(finding_of, faults)
        self._columns += [
            report.of_reader(name, uses, uses[0].needed, declared.get(name))
            for name, uses in _by_column(self._uses).items()
        ]

    def _derived(self, derived: Derived) -> None:
        from components.import_path import load_object

        try:
            load_object(derived.function)
        except ValueError as error:
            self._findings.append(finding_of(f"derived.function: {error}"))

    def proved(self, rows: int) -> None:
        """Reads a sample as a job does, and transforms it."""
        if self._rows is None:
            return
        if any(finding.is_fault for finding in self._findings):
            self._notes.append("The preprocessing was not tried, for there are faults.")
            return
        from pipeline.check import proof

        rules = rules_of(self._job.data, self._job)
        train = {"train": self._files["train"]}
        others = {s: f for s, f in self._files.items() if s != "train"}
        batches, findings = proof.strictly_read(train, rules, rows)
        more, other_findings = proof.strictly_read(others, rules, _OTHER_SPLITS_ROWS)
        known = {finding.column for finding in self._findings}
        self._findings += [
            finding
            for finding in [*findings, *other_findings]
            if not any(column and f"`{column}`" in finding.fact for column in known)
        ]
        self._findings += proof.held_out_findings(self._job, batches)
        batches |= more
        if batches and not any(finding.is_fault for finding in self._findings):
            self._findings += proof.transform_findings(self._job, batches)


def _by_column(uses: list[Use]) -> dict[str, list[Use]]:
    columns: dict[str, list[Use]] = {}
    for use in uses:
        columns.setdefault(use.column, []).append(use)
    return columns


def _column_findings(
    use: Use, seen: Mapping[str, Seen], batch: pa.RecordBatch, rules: ReadRules
) -> Iterator[Finding]:
    if use.column not in seen:
        yield column_rules.absent(use, batch.schema.names)
        return
    column = seen[use.column]
    yield from token_rules.token_findings(use, column, rules)
    fault = column_rules.misfit(use, column)
    if fault:
        yield fault
        return
    yield from column_rules.row_findings(use, column, rules)
    yield from column_rules.value_findings(use, column, rules)


def _id_findings(
    job: Job, seen: Mapping[str, Seen], uses: list[Use], rules: ReadRules
) -> Iterator[Finding]:
    """Yields what takes several columns to see."""
    values = {}
    for use in uses:
        column = seen.get(use.column)
        if column and use.needed and column.fits(use.needed):
            values[use.column] = column.converted(use.needed)[0].values
    for table in job.tables:
        yield from table_rules.table_findings(table, job, values)
    for name, feature in job.features.items():
        ids, weights = seen.get(feature.column or name), seen.get(feature.weights or "")
        if ids and weights:
            skipped = rules.on_bad_example == "skip"
            yield from table_rules.weight_findings(
                name, feature, ids, weights, is_skipped=skipped
            )
