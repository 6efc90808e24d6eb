"""Mistakes that files and splits show."""

from pathlib import Path
from typing import Any

from shardline_tests import load

examples = load(Path(__file__).with_name("examples.py"))
BOTH = examples.BOTH
ROWS = examples.ROWS

# Changes of the configuration, changes of the data, formats, and of the fault its line,
# who it is about, and a part of what it says and of the remedy.
FAULTS: dict[str, tuple[Any, Any, tuple[str, ...], int, str, str, str]] = {
    "no file of the pattern": (
        {"train: train.csv": "train: day.csv"},
        {},
        ("csv",),
        5,
        "split `train`",
        "no file matches `day.csv`",
        "Correct `data.files.splits` or `data.path`.",
    ),
    "another format": (
        {"format: csv": "format: parquet"},
        {},
        ("csv",),
        5,
        "split `train`",
        "train.csv: ",
        "Write",
    ),
    "nothing at the path": (
        {"path: ": "path: /absent"},
        {},
        ("csv",),
        7,
        "data",
        "there is no file or folder /absent",
        "Correct `path`, which starts at the current folder.",
    ),
    "text where a split asks for a number": (
        {},
        {"day": ["monday"] * ROWS},
        ("csv",),
        6,
        "split `eval`",
        "column `day` does not hold the number that split `eval` asks for",
        "Correct it, or `data.files.held_out.eval`.",
    ),
    "split without examples": (
        {"at_least: 30": "at_least: 3000"},
        {},
        BOTH,
        6,
        "split `eval`",
        "no sampled example is in it: column `day` goes from 0 to 39, and `at_least` "
        "is 3000",
        "Correct its rule: the sample is all there is.",
    ),
    "split that takes all": (
        {"at_least: 30": "at_least: 0"},
        {},
        BOTH,
        6,
        "split `eval`",
        "it takes all 40 sampled examples, and leaves none for `train`: column `day` "
        "goes from 0 to 39, and `at_least` is 0",
        "Correct its rule",
    ),
    "splits that together take all": (
        {
            "{eval: ": "{late: {column: day, at_least: 7}, eval: ",
            "at_least: 30": "at_least: 0",
        },
        {},
        BOTH,
        6,
        "split `eval`",
        "it takes, with those before it, all 40 sampled examples, and leaves none",
        "Correct its rule",
    ),
    "seconds against milliseconds": (
        {"at_least: 30": "at_least: 1700000000"},
        {"day": [1_699_000_000_000 + 10**8 * i for i in range(ROWS)]},
        BOTH,
        6,
        "split `eval`",
        "it takes all 40 sampled examples",
        "`at_least` looks like seconds since 1970, and the column like milliseconds: "
        "give `at_least: 1700000000000`.",
    ),
    "milliseconds against seconds": (
        {"at_least: 30": "at_least: 1700000000000"},
        {"day": [1_699_000_000 + 10**5 * i for i in range(ROWS)]},
        BOTH,
        6,
        "split `eval`",
        "no sampled example is in it",
        "`at_least` looks like milliseconds since 1970, and the column like seconds: "
        "give `at_least: 1700000000`.",
    ),
    "dates that are not written as the boundary": (
        {"at_least: 30": 'at_least: "2024-09-30"'},
        {"day": [f"2024-9-{1 + i % 30}" for i in range(ROWS)]},
        BOTH,
        6,
        "split `eval`",
        "40 of 40 sampled examples cannot be used",
        "Dates and times are written as 2024-09-30",
    ),
    "text with other digits than the boundary": (
        {"at_least: 30": "at_least: day 9"},
        {"day": [f"day {i}" for i in range(ROWS)]},
        BOTH,
        6,
        "split `eval`",
        "30 of 40 sampled examples cannot be used",
        "it holds 'day 10'. Correct it, or `data.files.held_out.eval`. Text is "
        "compared by single characters, where 10 comes before 9",
    ),
    "boundary that is no ISO date": (
        {"at_least: 30": 'at_least: "30/09/2024"'},
        {},
        ("csv",),
        6,
        "`data.files.held_out.eval.at_least`: looks like a date or time",
        "not in the order of time",
        'write both the boundary and the column as "2024-09-30"',
    ),
    "time against whole numbers": (
        {"at_least: 30": 'at_least: "2024-09-30"'},
        {},
        ("tfrecord",),
        6,
        "split `eval`",
        "its column `day` holds int64, and `data.files.held_out.eval.at_least` is the "
        "date or time '2024-09-30'",
        "such as 1727654400 if the column counts seconds since 1970",
    ),
}
