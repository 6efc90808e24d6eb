"""What is odd about tokens: lists that are not cut, blanks, whole numbers as floats."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as kinds

from shardline.components.checker.column_sample import ColumnSample
from shardline.components.checker.findings import Finding
from shardline.components.checker.uses import Use
from shardline.components.readers.files.columns.byte_arrays import stripped
from shardline.components.readers.files.columns.whole_numbers import GOOD, whole_numbers
from shardline.components.readers.files.read_settings import ReadSettings

_SEPARATORS = ("|", ",", ";", "\t", "/", " ")
# What stands in one of so many values, or in more, is taken for a separator.
_ONE_OF = 4
_FEW = 4  # lists; fewer mean nothing


def token_findings(
    use: Use, sample: ColumnSample, read_settings: ReadSettings
) -> Iterator[Finding]:
    """Yields hints on values that were taken, but perhaps not as they were meant.

    Args:
        use: what reads the column.
        sample: what the column holds.
        read_settings: how the files are read.
    """
    if use.role not in ("ids", "cross", "weights") or use.needed is None:
        return
    if not len(sample.lists.values):
        return
    if sample.is_text and use.needed.ragged:
        yield from _other_separator(use, sample, read_settings)
    if use.needed.dtype != "string" or use.role == "weights":
        return
    if sample.is_text:
        yield from _whole_floats(use, sample)
    if kinds.is_large_binary(sample.lists.values.type) or sample.kind == "string":
        yield from _blanks(use, sample)


def _other_separator(
    use: Use, sample: ColumnSample, read_settings: ReadSettings
) -> Iterator[Finding]:
    """Hints at values that hold what usually stands between values."""
    values = sample.lists.values
    cells = int(np.count_nonzero(sample.lists.lengths))
    for separator in _SEPARATORS:
        if cells < _FEW or separator == read_settings.list_separator:
            continue
        holding = values.filter(pc.match_substring(values, separator))
        if _ONE_OF * len(holding) < len(values) or _is_within_words(holding, separator):
            continue
        most = int(sample.lists.lengths.max())
        uncut = (
            f" and no list is cut at `list_separator: {read_settings.list_separator!r}`"
            if most <= 1
            else ""
        )
        yield _hint(
            use,
            f"{len(holding):,} of {len(values):,} sampled values in the lists of "
            f"column `{use.column}` hold {separator!r}, such as {_shown(holding)},"
            f"{uncut or ' after the lists were cut'}.",
            f"If it is what stands between values, give `data.files.list_separator: "
            f"{separator!r}`.",
        )
        return


def _is_within_words(holding: pa.Array, separator: str) -> bool:
    """Tells whether a blank or slash is likely to be of a name, such as "New York"."""
    if separator not in (" ", "/"):
        return False
    counts = np.asarray(pc.count_substring(holding, separator))
    return bool(np.mean(counts) < 2)


def _whole_floats(use: Use, sample: ColumnSample) -> Iterator[Finding]:
    values = sample.lists.values
    if sample.kind != "float":
        return
    _, codes = whole_numbers(values, is_text=True)
    if (codes == GOOD).all():
        example = values.filter(pc.match_substring_regex(values, "[.eE]"))
        yield _hint(
            use,
            f"column `{use.column}` holds whole numbers written as floats, such as "
            f"{_shown(example)}, and each is taken as text: 17.0 and 17 are two "
            "tokens.",
            "Give `dtype: int64`, which takes both as 17.",
        )


def _blanks(use: Use, sample: ColumnSample) -> Iterator[Finding]:
    values = sample.lists.values.cast(pa.large_binary())
    is_padded = pc.not_equal(values, stripped(values))
    padded = values.filter(is_padded)
    if len(padded):
        yield _hint(
            use,
            f"{len(padded):,} of {len(values):,} sampled values in column "
            f"`{use.column}` begin or end with blanks, such as {_shown(padded)}, which "
            "are part of the token.",
            "Write them without, if the blanks mean nothing.",
        )


def _shown(values: pa.Array) -> str:
    return repr(values[0].as_py()[:40].decode(errors="replace"))


def _hint(use: Use, message: str, remedy: str) -> Finding:
    return Finding(
        use.config_path, use.who, message, remedy, use.column, is_fault=False
    )
