"""The reports of units of work, added up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from shardline.components.readers.files.judging.bad_input import BadInput, BadInputError
from shardline.components.readers.files.judging.tally import Tally


def merge_reports(reports: Iterable[Mapping[str, Any]]) -> tuple[BadInput, Tally]:
    """Returns what all units of work have left out, and what they have read.

    Args:
        reports: one of each unit: `bad` and `tally` as dictionaries, and `failure`, a
            message, where bad input has ended the unit.

    Raises:
        BadInputError: one has met what is bad and may not be left out.
    """
    reports = list(reports)
    failures = {report["failure"] for report in reports if report.get("failure")}
    if failures:
        raise BadInputError("\n".join(sorted(failures)))
    bad, tally = BadInput("skip", "skip"), Tally()
    for report in reports:
        bad.merge(BadInput.from_json(report["bad"]))
        tally.merge(Tally(**report["tally"]))
    return bad, tally
