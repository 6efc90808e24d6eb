"""A configuration and its data, compared from the quick to the slow.

The sample's columns come first, which takes no TensorFlow; then what the configuration
names by import path; then the preprocessing itself, unless a column is at fault.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from shardline.components.checker import (
    column_rules,
    label_rules,
    report,
    size_rules,
    split_rules,
    table_rules,
    token_rules,
)
from shardline.components.checker.findings import Finding, finding_of, in_order
from shardline.components.checker.report import ColumnReport, Report
from shardline.components.checker.seen import Seen
from shardline.components.checker.seen_columns import seen_in
from shardline.components.checker.split_files import (
    SplitFiles,
    file_findings,
    look,
    notes,
)
from shardline.components.checker.uses import Use, uses_of
from shardline.components.readers.datasets import DatasetError, location_of
from shardline.components.readers.files import (
    BadInputError,
    ReadSettings,
    match,
    settings_of,
)
from shardline.components.readers.files.sampling import Piece, sample, spread
from shardline.configs import ConfigError, load_job, load_run
from shardline.configs.column import Column
from shardline.configs.outputs import downloads_folder
from shardline.configs.schema import Data, Derived, Job

_OTHER_ROWS = 100  # of each file that is not sampled


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
    checked.proved()
    return checked.report(config)


class _Check:
    """The findings so far."""

    def __init__(self, job: Job, uses: list[Use]) -> None:
        self._job = job
        self._uses = uses
        self._findings: list[Finding] = []
        self._columns: list[ColumnReport] = []
        self._notes: list[str] = []
        self._splits: dict[str, SplitFiles] = {}
        self._pieces: list[Piece] = []
        self._sampled: list[str] = []  # files of split `train`

    def report(self, config: Path) -> Report:
        """Returns all that was found."""
        return Report(
            str(config),
            tuple(self._columns),
            tuple(in_order(self._findings, config)),
            sum(p.batch.num_rows for p in self._pieces) if self._pieces else None,
            tuple(self._notes),
        )

    def sampled(self, rows: int, say: Callable[[str], None]) -> None:
        """Looks at all files, and compares the columns of a sample of `data.files`."""
        settings = settings_of(self._job.data, self._job)
        self._look_at_files(settings, say)
        train = self._splits.get("train")
        if train is None:
            return
        wanted = [name for name in settings.wanted if train.names(name) is not False]
        files = train.usable(wanted)
        if not files or not wanted:
            self._absent(train.columns)
            return
        self._sampled = spread(files)
        try:
            self._pieces = sample(files, settings, rows, wanted)
        except BadInputError as error:
            self._bad_split("train", error)
            return
        names = {n for piece in self._pieces for n in piece.batch.schema.names}
        self._absent(train.columns or sorted(names))
        self._compare(settings)
        self._findings += split_rules.split_findings(
            self._pieces, settings, is_whole=self._is_all_sampled()
        )

    def _look_at_files(
        self, settings: ReadSettings, say: Callable[[str], None]
    ) -> None:
        """Finds the files of each split, and what is wrong with them as a whole."""
        for split, files in self._found_files(say).items():
            say(f"Looking at the files of split `{split}`")
            self._splits[split] = look(split, files, settings.format)
        train = self._splits.get("train")
        for split, looked_at in self._splits.items():
            wanted = settings.of_split(split).wanted
            if train and not train.has_no_header(wanted):
                # Those that no training file has are told by what reads them.
                wanted = [name for name in wanted if train.names(name) is not False]
            self._findings += file_findings(
                looked_at, wanted, is_skipped=settings.on_bad_file == "skip"
            )
            self._notes += notes(looked_at)

    def _found_files(self, say: Callable[[str], None]) -> dict[str, list[str]]:
        data = self._job.data
        if data.download:
            say(f"Fetching {data.download.requirement}, unless it is there")
        downloads = downloads_folder(self._job.name).resolve()
        try:
            path = location_of(data, downloads)
        except DatasetError as error:
            place = ("data", "download")
            self._findings.append(Finding(place, "data", str(error), ""))
            return {}
        if "://" not in path and not Path(path).exists():
            fact = f"there is no file or folder {path}."
            remedy = "Correct `path`, which starts at the current folder."
            self._findings.append(Finding(("data", "path"), "data", fact, remedy))
            return {}
        found = {}
        for split, pattern in data.files.splits.items() if data.files else ():
            try:
                found[split] = match(path, pattern.replace("{SPAN}", "*"))
            except BadInputError as error:
                self._bad_split(split, error)
        return found

    def _is_all_sampled(self) -> bool:
        """Tells whether the sample is all that there is to train on."""
        train = self._splits["train"]
        whole = {piece.file for piece in self._pieces if piece.is_whole}
        with_rows = {head.file for head in train.with_rows}
        return whole == with_rows and len(train.heads) == len(train.files)

    def _bad_split(self, split: str, error: BadInputError) -> None:
        place = ("data", "files", "splits", split)
        self._findings.append(Finding(place, f"split `{split}`", str(error), ""))

    def _absent(self, there: Sequence[str]) -> None:
        """Tells of columns that are nowhere."""
        train = self._splits["train"]
        absent = [use for use in self._uses if use.column not in there]
        if train.with_rows and not train.has_no_header([u.column for u in self._uses]):
            self._findings += [column_rules.absent(use, there) for use in absent]
        self._columns += [
            report.of_sample(name, uses, uses[0].needed)
            for name, uses in _by_column(absent).items()
        ]

    def _compare(self, settings: ReadSettings) -> None:
        """Compares the columns that are there with what is expected of them."""
        by_column = _by_column(self._uses)
        seen = {
            name: seen_in(self._pieces, name, uses[0].needed, settings)
            for name, uses in by_column.items()
        }
        for use in self._uses:
            for part in seen[use.column]:
                others = [other for other in seen[use.column] if other is not part]
                self._findings += _column_findings(use, part, others, settings)
        whole = {name: parts[0] for name, parts in seen.items() if len(parts) == 1}
        self._findings += _id_findings(self._job, whole, self._uses, settings)
        told = {column.name: column for column in self._columns}
        self._columns = [
            told.get(name)
            or report.of_sample(
                name, uses, uses[0].needed, next(iter(seen[name]), None)
            )
            for name, uses in by_column.items()
        ]

    def named_outside(self, config: Path) -> None:
        """Tries what the configuration names by import path: reader and model."""
        from shardline.components.checker import preflight

        preflight.find_user_modules()
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
        from shardline.components.execution.import_path import construct
        from shardline.components.features.graph.schema import column_faults

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
        from shardline.components.execution.import_path import load_object

        try:
            load_object(derived.function)
        except ValueError as error:
            self._findings.append(finding_of(f"derived.function: {error}"))

    def proved(self) -> None:
        """Reads a sample as a job does, and transforms it."""
        settings = (
            settings_of(self._job.data, self._job) if self._job.data.files else None
        )
        train = self._splits.get("train")
        if settings is None or train is None:
            return
        examples = None
        if any(finding.is_fault for finding in self._findings):
            if self._pieces:
                note = "The preprocessing was not tried, for there are faults."
                self._notes.append(note)
        elif self._pieces:
            examples = self._strictly_read(settings)
        self._findings += size_rules.batch_findings(
            self._job, train, settings, examples
        )

    def _strictly_read(self, settings: ReadSettings) -> int | None:
        """Returns how many training examples there are, if all were read."""
        from shardline.components.checker import proof

        is_all = self._is_all_sampled()
        # One more of a file that is read to its end, to come to what is bad there.
        rows_of = {
            piece.file: piece.batch.num_rows + (piece.is_whole or bool(piece.fault))
            for piece in self._pieces
        }
        sampled = [(file, rows_of.get(file, _OTHER_ROWS)) for file in self._sampled]
        batches, findings = proof.strictly_read(
            {"train": sampled}, settings, is_all=is_all
        )
        others = {
            split: [
                (file, _OTHER_ROWS)
                for file in spread(files.usable(settings.of_split(split).wanted))
            ]
            for split, files in self._splits.items()
            if split != "train"
        }
        more, other_findings = proof.strictly_read(others, settings, is_all=False)
        known = {finding.column for finding in self._findings}
        self._findings += [
            finding
            for finding in [*findings, *other_findings]
            if finding.is_fault
            or not any(column and f"`{column}`" in finding.fact for column in known)
        ]
        examples = batches["train"].num_rows if "train" in batches else 0
        batches |= more
        whole = {
            split
            for split, files in self._splits.items()
            if split in batches and batches[split].num_rows == files.rows
        }
        if is_all:
            whole |= {"train", *settings.held_out}
        self._findings += label_rules.label_findings(self._job, batches, whole)
        if batches and not any(finding.is_fault for finding in self._findings):
            self._findings += proof.transform_findings(self._job, batches)
        return examples if is_all else None


def _by_column(uses: list[Use]) -> dict[str, list[Use]]:
    columns: dict[str, list[Use]] = {}
    for use in uses:
        columns.setdefault(use.column, []).append(use)
    return columns


def _column_findings(
    use: Use, column: Seen, others: Sequence[Seen], settings: ReadSettings
) -> Iterator[Finding]:
    """Yields what is wrong or odd with a column.

    Args:
        use: of the column.
        column: what some files have, in one type.
        others: what others have, in other types.
        settings: how files are read.
    """
    yield from token_rules.token_findings(use, column, settings)
    if column.missing == 1:
        if all(other.missing == 1 for other in others):
            yield column_rules.all_missing(use)
        return
    fault = column_rules.misfit(use, column, others, settings)
    if fault:
        yield fault
        return
    yield from column_rules.row_findings(use, column, settings)
    yield from column_rules.value_findings(use, column, settings)
    if not others:
        yield from column_rules.constant_findings(use, column)


def _id_findings(
    job: Job, seen: Mapping[str, Seen], uses: list[Use], settings: ReadSettings
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
        if ids and weights and weights.missing < 1:
            skipped = settings.on_bad_example == "skip"
            yield from table_rules.weight_findings(
                name, feature, ids, weights, is_skipped=skipped
            )
