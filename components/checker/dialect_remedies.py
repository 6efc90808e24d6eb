"""Values and lines of CSV that another dialect would read, and the key that says so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from shardline.components.checker.column_sample import ColumnSample
from shardline.components.checker.findings import Finding
from shardline.components.checker.split_files import SplitFiles, is_unlike
from shardline.components.checker.uses import Use
from shardline.components.readers.files.formats.csv.guessing.cell_kinds import (
    ALL_MARKS,
    MISSING,
    Marks,
    is_number,
)
from shardline.components.readers.files.formats.csv.guessing.dialects import (
    differences,
    guess_dialect,
    made_up_names,
)
from shardline.components.readers.files.formats.csv.guessing.encodings import (
    guess_encoding,
)
from shardline.components.readers.files.read_settings import ReadSettings
from shardline.components.readers.files.streams import byte_stream
from shardline.configs.dialect import Dialect
from shardline.configs.shown import escaped
from shardline.configs.yaml_text import as_yaml

_START_BYTES = 1 << 18
_MOST_NAMES = 12  # of a header, that a remedy writes out
_KINDS = {" ": "blanks", "\xa0": "no-break blanks", "\u202f": "narrow blanks"}


def dialect_remedy(use: Use, sample: ColumnSample, settings: ReadSettings) -> str:
    """Returns the key of the dialect under which values fit; "" if none helps.

    Args:
        use: what reads the column.
        sample: what the column holds.
        settings: how the files are read.
    """
    if settings.format != "csv" or use.needed is None:
        return ""
    if use.needed.dtype == "string":
        return _other_encoding(sample, settings.dialect)
    texts = [text.strip() for text in sample.texts(np.arange(len(sample.lists.values)))]
    counts = Counter(word for word in texts if word in MISSING)
    numbers = [text for text in texts if text and text not in counts]
    marks = next((m for m in ALL_MARKS if all(is_number(n, m) for n in numbers)), None)
    is_label = use.role == "label"
    if marks is None or not numbers or (is_label and not any(map(_has_digit, numbers))):
        return ""
    return _remedy(marks, counts, texts, numbers, settings.dialect)


def _remedy(
    marks: Marks,
    counts: Counter[str],
    texts: Sequence[str],
    numbers: Sequence[str],
    dialect: Dialect,
) -> str:
    keys: dict[str, Any] = {}
    said, other = [], []
    # What the dialect reads as numbers already comes in plain digits.
    marked = next((number for number in numbers if not is_number(number)), None)
    if marked is not None:
        plain = marked.replace(marks.thousands or "", "").replace(marks.decimal, ".")
        if marks.decimal != dialect.decimal:
            keys["decimal"] = marks.decimal
            said.append("that is a decimal comma")
            other.append(f"write a point, as in {plain}")
        if marks.thousands != dialect.thousands:
            keys["thousands"] = marks.thousands
            said.append(f"its {_named(marks.thousands)} part thousands")
            other.append(f"write none, as in {plain}")
    new = [word for word in counts if word not in dialect.missing]
    if new:
        keys["missing"] = [*dialect.missing, *new]
        found = ", ".join(f"`{word}` {counts[word]:,}" for word in new)
        said.append(f"of {len(texts):,} sampled values are {found}")
        other.append("write nothing at all where a value is missing")
    if not keys:
        return ""
    fact = " and ".join(said)
    return f"{fact[0].upper()}{fact[1:]}. {_give(dialect, keys)}, or {other[0]}."


def _named(mark: str | None) -> str:
    return {",": "commas", ".": "points", "'": "apostrophes", **_KINDS}[mark or ","]


def _has_digit(text: str) -> bool:
    return any(char.isdigit() for char in text)


def _other_encoding(sample: ColumnSample, dialect: Dialect) -> str:
    """Returns which encoding strings may have that are not UTF-8."""
    if dialect.encoding != "utf-8":
        return ""
    values = sample.lists.values.to_pylist()
    encoding = guess_encoding(b"\n".join(v for v in values if isinstance(v, bytes)))
    if encoding.is_certain:
        return ""
    given = _give(dialect, {"encoding": encoding.name})
    return f"Write strings in UTF-8. {given.replace('Give', 'Or give')}, or another."


def _give(dialect: Dialect, keys: dict[str, Any]) -> str:
    """Returns the whole dialect with some keys more, to be pasted."""
    given = {**differences(dialect), **keys}
    ordered = {key: given[key] for key in Dialect.model_fields if key in given}
    return f"Give `data.files.dialect: {as_yaml(ordered)}`"


def dialect_findings(
    train: SplitFiles, wanted: Sequence[str], settings: ReadSettings
) -> Iterator[Finding]:
    """Yields the whole dialect that files seem to have whose header is none.

    Args:
        train: the files of split "train".
        wanted: the columns that are read.
        settings: how the files are read.
    """
    if settings.format != "csv" or not train.has_no_header(wanted):
        return
    file = next(head.file for head in train.with_rows if is_unlike(head, wanted))
    with byte_stream(file) as stream:
        start = stream.read(_START_BYTES)
        guess = guess_dialect(start, is_whole=not stream.read(1))
    keys = differences(guess.dialect)
    if not guess.is_regular or set(keys) <= {"delimiter"}:  # which the fault tells
        return
    width = len(guess.names)
    more = ""
    if guess.dialect.header is not None:
        keys["header"] = list(made_up_names(min(width, _MOST_NAMES)))
        more = f", with names of your own for its {width:,} columns"
    yield Finding(
        ("data", "files"),
        "data.files",
        f"{escaped(file, keep='')}: its rows have {width:,} cells each if it is read "
        "in another dialect.",
        f"It seems to be `data.files.dialect: {as_yaml(keys)}`{more}.",
        is_fault=False,
    )
