"""The columns of a sample, compared with what the configuration expects of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from shardline.components.checker import (
    column_rules,
    report,
    table_rules,
    token_rules,
    value_rules,
)
from shardline.components.checker.column_sample import ColumnSample
from shardline.components.checker.data_sample import DataSample
from shardline.components.checker.findings import Finding
from shardline.components.checker.report import ColumnReport, Draft
from shardline.components.checker.sampled_columns import column_samples
from shardline.components.checker.split_files import SplitFiles
from shardline.components.checker.uses import Use
from shardline.components.readers.files import ReadSettings
from shardline.configs.schema import Job


def compare_columns(
    job: Job,
    uses: Sequence[Use],
    sample: DataSample,
    read_settings: ReadSettings,
    draft: Draft,
) -> None:
    """Compares what there is in the columns with what reads them.

    Args:
        job: the configuration.
        uses: what reads the columns.
        sample: the files, and a sample of them.
        read_settings: how they are read.
        draft: takes the findings and the reports of the columns.
    """
    train = sample.train
    if train is None or (sample.files and not sample.pieces):
        return
    in_pieces = {n for piece in sample.pieces for n in piece.batch.schema.names}
    columns = [*(train.columns or sorted(in_pieces)), *read_settings.joined]
    absent = [use for use in uses if use.column not in columns]
    draft.findings += _absent(absent, uses, [*columns, *_offered(job)], train)
    if not sample.pieces:
        draft.columns += _reports(absent, {})
        return
    samples = {
        name: column_samples(sample.pieces, name, users[0].needed, read_settings)
        for name, users in by_column(uses).items()
    }
    for use in uses:
        for part in samples[use.column]:
            others = [other for other in samples[use.column] if other is not part]
            draft.findings += _column_findings(use, part, others, read_settings)
    of_one_type = {n: parts[0] for n, parts in samples.items() if len(parts) == 1}
    draft.findings += _id_findings(job, of_one_type, uses, read_settings)
    absent_names = {use.column for use in absent}
    present = {n: parts[0] for n, parts in samples.items() if parts}
    draft.columns += _reports(
        uses, {n: s for n, s in present.items() if n not in absent_names}
    )


def by_column(uses: Sequence[Use]) -> dict[str, list[Use]]:
    """Returns what reads each column, by its name."""
    columns: dict[str, list[Use]] = {}
    for use in uses:
        columns.setdefault(use.column, []).append(use)
    return columns


def _offered(job: Job) -> Iterator[str]:
    """Yields the columns that joins would give, of which nothing reads some."""
    for side in job.data.files.join.values() if job.data.files else ():
        yield from side.columns


def _absent(
    absent: Sequence[Use],
    uses: Sequence[Use],
    columns: Sequence[str],
    train: SplitFiles,
) -> list[Finding]:
    """Returns the faults of columns that the files lack, if they name any."""
    if not train.with_rows or train.has_no_header([use.column for use in uses]):
        return []
    return [column_rules.absent(use, columns) for use in absent]


def _reports(
    uses: Sequence[Use], samples: Mapping[str, ColumnSample]
) -> list[ColumnReport]:
    return [
        report.of_sample(name, users, users[0].needed, samples.get(name))
        for name, users in by_column(uses).items()
    ]


def _column_findings(
    use: Use,
    sample: ColumnSample,
    others: Sequence[ColumnSample],
    read_settings: ReadSettings,
) -> Iterator[Finding]:
    """Yields what is wrong or odd with a column.

    Args:
        use: what reads the column.
        sample: what some files have in it, in one type.
        others: what other files have in it, in other types.
        read_settings: how files are read.
    """
    yield from token_rules.token_findings(use, sample, read_settings)
    if sample.missing == 1:
        if all(other.missing == 1 for other in others):
            yield column_rules.all_missing(use)
        return
    fault = column_rules.misfit(use, sample, others, read_settings)
    if fault:
        yield fault
        return
    yield from column_rules.row_findings(use, sample, read_settings)
    yield from value_rules.value_findings(use, sample, read_settings)
    if not others:
        yield from value_rules.constant_findings(use, sample)


def _id_findings(
    job: Job,
    samples: Mapping[str, ColumnSample],
    uses: Sequence[Use],
    read_settings: ReadSettings,
) -> Iterator[Finding]:
    """Yields what only several columns together show."""
    values = {}
    for use in uses:
        sample = samples.get(use.column)
        if sample and use.needed and sample.fits(use.needed):
            values[use.column] = sample.converted(use.needed)[0].values
    for table in job.tables:
        yield from table_rules.table_findings(table, job, values)
    for name, feature in job.features.items():
        ids = samples.get(feature.column or name)
        weights = samples.get(feature.weights or "")
        if ids and weights and weights.missing < 1:
            is_skipped = read_settings.on_bad_example == "skip"
            yield from table_rules.weight_findings(
                name, feature, ids, weights, is_skipped=is_skipped
            )
