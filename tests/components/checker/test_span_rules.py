"""What a check says of spans before a run reads them."""

from pathlib import Path
from typing import Any

import pytest

from shardline.components.checker.span_rules import span_findings
from shardline.components.readers.files import ReadSettings
from shardline.configs.column import Column
from shardline.configs.data import Data

NOON = 1_728_043_200  # 2024-10-04


def findings(folder: Path, pattern: str, spans: Any) -> list[str]:
    """Returns the messages of a check of CSV files."""
    data = Data(
        files={"format": "csv", "splits": {"train": pattern}},
        path=str(folder),
        label="label",
        spans=spans,
    )
    settings = ReadSettings("csv", {"user": Column("string")})
    found = list(span_findings(data, settings, str(folder)))
    assert all(finding.config_path == ("data", "spans") for finding in found)
    return [finding.message for finding in found]


def write(folder: Path, name: str, *times: Any) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(["user,at\n", *(f"u,{time}\n" for time in times)]))


@pytest.mark.parametrize(
    ("pattern", "spans"),
    [
        ("*.csv", None),
        ("{SPAN}.csv", {}),
        ("{SPAN}.csv", {"column": "at"}),
        ("*.csv", {"column": "at", "every": "day"}),
    ],
)
def test_spans_as_the_configuration_says_have_no_finding(
    pattern: str, spans: Any, tmp_path: Path
) -> None:
    write(tmp_path, "2024-10-04.csv", NOON)

    assert not findings(tmp_path, pattern, spans)


@pytest.mark.parametrize(
    ("name", "time", "pattern", "spans", "told"),
    [
        ("new.csv", NOON, "{SPAN}.csv", {}, "`new` is no span"),
        ("2024-10-04.csv", NOON, "{SPAN}.csv", {"column": "when"}, "columns `when`"),
        ("2024-10-05.csv", NOON, "{SPAN}.csv", {"column": "at"}, "of span 2024-10-04"),
        ("1.csv", NOON * 1000, "{SPAN}.csv", {"column": "at"}, "like milliseconds"),
        ("a.csv", "soon", "*.csv", {"column": "at", "every": "day"}, "is no time"),
        ("2024-10.csv", NOON, "{SPAN}.csv", {"every": "day"}, "2024-10 is a month"),
    ],
)
def test_what_a_run_would_refuse_is_told(
    name: str, time: Any, pattern: str, spans: Any, told: str, tmp_path: Path
) -> None:
    write(tmp_path, name, time)

    (message,) = findings(tmp_path, pattern, spans)

    assert told in message
