"""Examples read with side files, as the rows of all batches."""

import dataclasses
from pathlib import Path
from typing import Any

from shardline.components.readers.files import (
    BadInput,
    ReadSettings,
    Tally,
    Unit,
    read_unit,
)
from shardline.components.readers.files.joins.join import joins_of
from shardline.configs.data import Files


def joined_settings(
    folder: Path, columns: Any, joins: dict[str, Any], **files: Any
) -> ReadSettings:
    """Settings as a configuration gives them, whose side files lie in a folder."""
    told = {"format": "csv", "splits": {"train": "examples.*"}} | files
    section = Files(**told, join=joins)
    settings = ReadSettings(
        section.format,
        columns,
        held_out=section.held_out,
        dialect=section.dialect,
        list_separator=section.list_separator,
        on_bad_example=section.on_bad_example,
        on_bad_file=section.on_bad_file,
    )
    settings = dataclasses.replace(settings, joins=joins_of(section, settings))
    return settings.located(str(folder))


def read_rows(
    file: str, settings: ReadSettings, bad: BadInput | None = None, **unit: int
) -> list[dict[str, Any]]:
    """The rows of a file, of all splits."""
    bad = settings.new_bad_input() if bad is None else bad
    batches = read_unit(Unit(file, **unit), settings, bad, 7, tally=Tally())
    return [row for _, batch in batches for row in batch.to_pylist()]
