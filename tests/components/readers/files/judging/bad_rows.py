"""Rows and files that are bad, and readers that leave them out."""

import dataclasses
from typing import Any

from shardline.components.readers.files import (
    BadInput,
    ReadSettings,
    Unit,
    read_unit,
)
from shardline.configs.column import Column

COLUMNS = {
    "user": Column("string"),
    "tags": Column("string", ragged=True),
    "weights": Column("float", ragged=True),
    "age": Column("int64", optional=True),
    "price": Column("float"),
    "label": Column("float"),
}
GOOD = {
    "user": "u",
    "tags": ["a", "b"],
    "weights": [0.5, 1.5],
    "age": 7,
    "price": 2.5,
    "label": 1.0,
    "at": 3,
}
FORMATS = ["tfrecord", "csv", "parquet"]
REMEDY = r".*Or set `data\.files\.on_bad_example: skip`, to leave"
FILE_REMEDY = r".*Or set `data\.files\.on_bad_file: skip`, to leave"
SERIALIZED = b"\xff\xfftext"


def settings_for(format_: str, **more: Any) -> ReadSettings:
    told = {"paired": (("weights", "tags"),), "label": "label"} | more
    return ReadSettings(format_, told.pop("columns", COLUMNS), **told)


def skipping(
    file: str, settings: ReadSettings, **unit: int
) -> tuple[list[dict], BadInput]:
    """Rows of a file and what was left out, the same twice."""
    found = []
    for _ in range(2):
        bad = BadInput("skip", "skip")
        read = read_unit(
            Unit(file, **unit),
            dataclasses.replace(settings, on_bad_example="skip", on_bad_file="skip"),
            bad,
            batch_rows=4,
        )
        found.append(([row for _, batch in read for row in batch.to_pylist()], bad))
    assert repr(found[0]) == repr(found[1])
    return found[0]


def read_all(file: str, settings: ReadSettings) -> list:
    return list(read_unit(Unit(file), settings, BadInput()))
