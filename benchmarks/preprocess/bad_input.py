"""What a job makes of bad input: as an error, and with what is bad skipped."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.preprocess.bad_files import BadCase, good_file

# Of a configuration and a folder for outputs; returns what was left out, in lines.
Job = Callable[[Path, Path], list[str]]

_LONGEST_MESSAGE = 400


def tried(case: BadCase, folder: Path, job: Job) -> dict[str, Any]:
    """Runs a job on one kind of bad input, and tells what became of it.

    Args:
        case: the kind.
        folder: scratch.
        job: what to run.

    Returns:
        name: of the case.
        behaves: whether the error says where and what, and skipping leaves out and
            reports the bad; what is not there at all is an error both times, and a
            file without rows never is.
        said: the error, or what was reported where there is none.
        skipped: what was reported with `skip`, or the error.
    """
    data = folder / "data"
    if case.file:
        data.mkdir(parents=True)
        good_file(data, case.format)
        case.write(data / case.file)
    said, is_refused = _said(job, folder, _configuration(case, data, "error"))
    skipped, is_refused_again = _said(job, folder, _configuration(case, data, "skip"))
    place = case.file or str(data)
    return {
        "name": case.name,
        "behaves": (
            is_refused == case.is_error
            and is_refused_again == (case.file is None)
            and all(place in text for text in (said, skipped))
            and re.search(case.said, said, re.IGNORECASE) is not None
        ),
        "said": _in_a_cell(said, folder),
        "skipped": _in_a_cell(skipped, folder),
    }


def _said(job: Job, folder: Path, configuration: dict[str, Any]) -> tuple[str, bool]:
    """Returns what the job says, and whether it refused the input."""
    mode = configuration["data"]["files"]["on_bad_example"]
    path = folder / f"{mode}.yaml"
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(configuration))
    try:
        return "\n".join(job(path, folder / mode)), False
    except (ValueError, OSError) as error:
        return str(error), True


def _configuration(case: BadCase, data: Path, mode: str) -> dict[str, Any]:
    files = {
        "format": case.format,
        "splits": {"train": f"*.{case.format}*"},
        "on_bad_example": mode,
        "on_bad_file": mode,
    }
    return {
        "name": "bad_input",
        "data": {"files": files, "path": str(data)},
        "features": {
            "color": {"table": "color"},
            "tags": {"table": "tag", "combiner": "sum"},
        },
        "numbers": {"size": {"scale": "z_score"}},
        "tables": {"color": {"dim": 4}, "tag": {"dim": 4}},
    }


def _in_a_cell(text: str, folder: Path) -> str:
    """Returns text for a cell of a table, without the scratch folder."""
    short = text.replace(f"{folder}/", "")[:_LONGEST_MESSAGE]
    return short.replace("|", "\\|").replace("\n", "<br>")
