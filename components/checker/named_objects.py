"""What a configuration names by import path: reader, derived columns and model.

What this module imports takes seconds, so it is imported late.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from shardline.components.checker import preflight, report
from shardline.components.checker.column_comparison import by_column
from shardline.components.checker.findings import finding_of
from shardline.components.checker.report import Draft
from shardline.components.checker.uses import Use
from shardline.components.execution.import_path import construct
from shardline.components.features.graph.schema import column_faults
from shardline.configs import load_run
from shardline.configs.column import Column
from shardline.configs.schema import Job


def try_named_objects(
    config: Path, job: Job, uses: Sequence[Use], draft: Draft
) -> None:
    """Tries the objects, and compares the columns that a reader declares.

    Args:
        config: the configuration's file.
        job: the configuration.
        uses: what reads the columns.
        draft: takes what is found.
    """
    preflight.find_user_modules()
    if job.data.reader:
        _compare_declared(job.data.reader, job, uses, draft)
    draft.findings += map(finding_of, preflight.derived_faults(job.derived))
    if job.training is None or job.evaluation is None:
        draft.notes.append(
            "Without `training` and `evaluation` the model was not tried; `shardline "
            "run` needs both."
        )
        return
    draft.findings += map(finding_of, preflight.faults_of(load_run(config)))


def _compare_declared(reader: str, job: Job, uses: Sequence[Use], draft: Draft) -> None:
    """Compares the columns that a reader declares with what reads them."""
    draft.notes.append(
        f"No sample was taken: the data come from reader `{reader}`, whose declared "
        "columns were compared."
    )
    try:
        declared: Mapping[str, Column] = construct(reader, job.data.options).columns
    except ValueError as error:
        fault = preflight.reader_part("reader").fault(str(error))
        draft.findings.append(finding_of(fault))
        return
    faults = column_faults(job, job.data.target, declared)
    draft.findings += map(finding_of, faults)
    draft.columns += [
        report.of_reader(name, users, users[0].needed, declared.get(name))
        for name, users in by_column(uses).items()
    ]
