"""Keys of a dialect are named under which values and lines of CSV can be read."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shardline.components.checker.dialect_remedies import (
    dialect_findings,
    dialect_remedy,
)
from shardline.components.checker.split_files import look
from shardline.components.readers.files import ReadSettings
from shardline.configs.dialect import Dialect

NUMBERS = {"ids": {"quantile_buckets": 4}}
WHOLE = {"dtype": "int64"}
GIVE = "Give `data.files.dialect: "


@pytest.mark.parametrize(
    ("values", "feature", "remedy"),
    [
        (["1,5", "2,25"], NUMBERS,
         f'That is a decimal comma. {GIVE}{{decimal: ","}}`, or write a point, as in '
         "1.5."),
        (["1.234,5", "7"], NUMBERS,
         "That is a decimal comma and its points part thousands. "
         f'{GIVE}{{decimal: ",", thousands: "."}}`, or write a point, as in 1234.5.'),
        (["1,234", "7"], WHOLE,
         f'Its commas part thousands. {GIVE}{{thousands: ","}}`, or write none, as in '
         "1234."),
        (["1 234", "7"], WHOLE,
         f'Its blanks part thousands. {GIVE}{{thousands: " "}}`, or write none'),
        (["NA", "7", "-", "NA"], NUMBERS,
         f'Of 4 sampled values are `NA` 2, `-` 1. {GIVE}{{missing: [NA, "-"]}}`, or '
         "write nothing at all where a value is missing."),
        (["NA", "1,5"], NUMBERS, f'{GIVE}{{missing: [NA], decimal: ","}}`'),
        (["1,5", "2.5"], NUMBERS, ""),
        (["young", "old"], NUMBERS, ""),
        (["NA", "NA"], NUMBERS, ""),
        (["7", "8"], WHOLE, ""),
    ],
)  # fmt: skip
def test_values_are_read_by_a_key(
    sampled: Callable[..., Any], values: list[str], feature: dict[str, Any], remedy: str
) -> None:
    use, sample, settings = sampled(values, feature)

    found = dialect_remedy(use, sample, settings)

    assert remedy in found
    assert bool(found) == bool(remedy)


def test_key_is_added_to_those_that_are_there(sampled: Callable[..., Any]) -> None:
    dialect = Dialect(encoding="latin-1", missing=("null",))

    use, sample, settings = sampled(["1", "NA"], NUMBERS, dialect=dialect)

    assert f"""{GIVE}{{encoding: latin-1, missing: ["null", NA]}}`""" in dialect_remedy(
        use, sample, settings
    )


def write(folder: Path, data: bytes) -> str:
    (folder / "a.csv").write_bytes(data)
    return str(folder / "a.csv")


@pytest.mark.parametrize(
    ("data", "dialect"),
    [
        (b"u\tv\tlabel\n" + b"a\t1,5\t1\nb\t2,5\t0\n" * 5,
         r'`data.files.dialect: {delimiter: "\t", decimal: ","}`.'),
        (b"a,1,1\nb,NA,0\n" * 9,
         "`data.files.dialect: {header: [column_1, column_2, column_3], missing: "
         "[NA]}`, with names of your own for its 3 columns."),
        (b"u\tlabel\na\t1\nb\t0\n", ""),
        (b"u,v,label\na,1,1\n", ""),
        (b"u\nit was, in a way\nlate; so late\n", ""),
    ],
)  # fmt: skip
def test_whole_dialect_is_named_where_a_line_is_no_header(
    tmp_path: Path, data: bytes, dialect: str
) -> None:
    settings = ReadSettings("csv", {})
    train = look("train", [write(tmp_path, data)], settings)

    found = [f.remedy for f in dialect_findings(train, ["user"], settings)]

    assert found == ([f"It seems to be {dialect}"] if dialect else [])
