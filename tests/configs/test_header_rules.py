"""Columns that the header of a dialect lacks are told with their lines."""

from collections.abc import Callable
from pathlib import Path

import pytest
from shardline_tests import load

from shardline.configs import load_job

conftest = load(Path(__file__).with_name("conftest.py"))

_PLAIN = "  files: {format: csv, splits: {train: a.csv}}\n"
_FILES = """\
  files:
    format: csv
    splits: {train: a.csv}
    dialect: {header: [HEADER]}
"""
_WHOLE = "label, user, hour, tags, city, age, item"
_JOIN = """\
    join:
      items: {files: i.csv, key: item, columns: [title], dialect: {header: [SIDE]}}
"""


def files(header: str = _WHOLE, more: str = "") -> str:
    return _FILES.replace("HEADER", header) + more


FAULTS = {
    "feature": (
        files("label, usr, hour, tags, city, age"),
        9,
        "feature `user`: `dialect.header` has no column `user`; did you mean `usr`?",
    ),
    "cross": (
        files("label, user, hour, tags, town, age"),
        12,
        "feature `pair`: `dialect.header` has no column `city`; name every column",
    ),
    "list": (
        files("label, user, hour, tag, city, age"),
        10,
        "feature `tags`: `dialect.header` has no column `tags`; did you mean `tag`?",
    ),
    "label": (
        files("clicked, user, hour, tags, city, age"),
        2,
        "label: `dialect.header` has no column `label`; name every column",
    ),
    "split": (
        files(more="    held_out: {eval: {column: itm, fraction: 0.1}}\n"),
        7,
        "held-out split `eval`: `dialect.header` has no column `itm`; did you mean "
        "`item`?",
    ),
    "key of a join": (
        files(
            "label, user, hour, tags, city, age", _JOIN.replace("SIDE", "item, title")
        ),
        8,
        "join `items`: `dialect.header` has no column `item`; name every column",
    ),
    "column of a side file": (
        files(more=_JOIN.replace("SIDE", "item, titel")),
        8,
        "join `items`: `dialect.header` has no column `title`; did you mean `titel`?",
    ),
    "key of a side file": (
        files(more=_JOIN.replace("SIDE", "itemid, title")),
        8,
        "join `items`: `dialect.header` has no column `item`; did you mean `itemid`?",
    ),
    "span": (
        files() + "  spans: {column: day, every: day}\n",
        7,
        "spans: `dialect.header` has no column `day`; name every column",
    ),
}


@pytest.mark.parametrize(("text", "line", "message"), FAULTS.values(), ids=list(FAULTS))
def test_column_that_the_header_lacks(
    job_faults: Callable[[str, str], list[str]], text: str, line: int, message: str
) -> None:
    faults = job_faults(_PLAIN, text)

    (fault,) = faults
    assert fault.startswith(f"{line}: ")
    assert message in fault


@pytest.mark.parametrize(
    "text",
    [
        files(),
        files(
            _WHOLE.replace("city", "town"), _JOIN.replace("SIDE", "item, city")
        ).replace("[title]", "[city]"),
        files(
            more=_JOIN.replace("SIDE", "nr, title").replace("key", "file_key: nr, key")
        ),
    ],
    ids=["whole", "joined", "another key there"],
)
def test_header_that_has_what_is_read(write: Callable[[str], Path], text: str) -> None:
    job = load_job(write(conftest.JOB.replace(_PLAIN, text)))

    assert job.data.files
