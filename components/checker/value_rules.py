"""What is odd about values of the right type, and what of them cannot be used."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shardline.components.checker.column_sample import ColumnSample
from shardline.components.checker.findings import Finding
from shardline.components.checker.uses import Use
from shardline.components.readers.files.read_settings import ReadSettings
from shardline.configs.schema import Feature

_MOST_ROWS = 1 << 31  # of a table that someone may want
_FEW = 10  # rows; that fewer are equal means nothing


def value_findings(
    use: Use, sample: ColumnSample, read_settings: ReadSettings
) -> Iterator[Finding]:
    """Yields what is wrong with values of the right type, and what is odd.

    Args:
        use: what reads the column.
        sample: what the column holds.
        read_settings: how the files are read.
    """
    if use.needed is None:
        return
    lists, _ = sample.converted(use.needed)
    if use.role == "label":
        yield from _labels(use, lists.values, read_settings)
    if isinstance(use.part, Feature) and use.role == "ids":
        stored = sample.lists.values  # beyond int64 they become negative
        is_large = pa.types.is_uint64(stored.type)
        yield from _range(use, use.part, stored if is_large else lists.values)
        yield from _lengths(use, use.part, sample)
    if sample.is_text and not use.needed.ragged and use.role in ("ids", "cross"):
        yield from _separators(use, sample, read_settings)
        if use.needed.dtype == "string":
            yield from _blanks(use, sample)


def constant_findings(use: Use, sample: ColumnSample) -> Iterator[Finding]:
    """Yields the hint that all examples have the same value.

    Args:
        use: what reads the column.
        sample: what the column holds, which all files have in one type.
    """
    is_input = use.role not in ("split", "label")
    if sample.distinct == 1 and len(sample.present) >= _FEW and is_input:
        some = " that have a value" if sample.missing else ""
        yield _hint(
            use,
            f"column `{use.column}` is {sample.example!r} in all sampled examples"
            f"{some}.",
            "It tells a model nothing; leave it out if that is so everywhere.",
        )


def _labels(
    use: Use, values: pa.Array, read_settings: ReadSettings
) -> Iterator[Finding]:
    labels = values.to_numpy(zero_copy_only=False)
    labels = labels[np.isfinite(labels)]
    threshold = read_settings.positive_from
    if threshold is not None:
        labels = (labels >= threshold).astype(np.float32)
        if len(labels) >= _FEW and len(np.unique(labels)) == 1:
            yield _hint(
                use,
                f"all sampled labels become {labels[0]:g} by `positive_from: "
                f"{threshold:g}`.",
                "A model needs both; look whether it should be another.",
            )
        return
    other = np.unique(labels[(labels != 0) & (labels != 1)])
    if len(other):
        values_shown = ", ".join(f"{value:g}" for value in other[:3])
        yield Finding(
            use.config_path,
            use.who,
            f"column `{use.column}` holds {values_shown}"
            f"{' ...' if len(other) > 3 else ''}"
            f"{' beside' if len(other) < len(np.unique(labels)) else ', expected'} 0 "
            "and 1.",
            "Give `data.files.positive_from`, from which on a label is 1.",
            use.column,
        )


def _range(use: Use, feature: Feature, values: pa.Array) -> Iterator[Finding]:
    """Yields the fault of ids that are not in the range that the feature gives."""
    ids = feature.ids
    if ids.range is None or ids.out_of_range == "oov_rows" or not len(values):
        return
    low, high = pc.min(values).as_py(), pc.max(values).as_py()
    if low >= 0 and high < ids.range:
        return
    remedy = "Or give `out_of_range: oov_rows`."
    if low < 0:
        remedy = f"Ids start with 0: write others. {remedy}"
    elif high < _MOST_ROWS:
        remedy = f"Give `range: {high + 1}` or more. {remedy}"
    else:
        remedy = (
            "A table of so many rows is too large: give `ids: {hash_buckets: ...}` or "
            f"`ids: vocabulary`, {'and' if high < 1 << 63 else 'without'} `dtype: "
            "int64`."
        )
    yield Finding(
        (*use.config_path[:2], "ids", "range"),
        use.who,
        f"column `{use.column}` holds ids from {low:,} to {high:,}, and `range: "
        f"{ids.range}` allows 0 to {ids.range - 1:,}.",
        remedy,
        use.column,
    )


def _lengths(use: Use, feature: Feature, sample: ColumnSample) -> Iterator[Finding]:
    """Yields hints at lists that never have several values, or too many of them."""
    lengths = sample.lists.lengths
    most = feature.max_sequence_length
    if feature.is_ragged and len(lengths) >= _FEW and lengths.max() <= 1:
        key = "max_sequence_length" if most else "combiner"
        yield _hint(
            use,
            f"no sampled example has more than one value in column `{use.column}`.",
            f"`{key}` is for several; leave it out if there is always one.",
        )
    if most and lengths.max() > most:
        cut = np.maximum(lengths - most, 0)
        end = "oldest" if feature.keep != "oldest" else "newest"
        yield _hint(
            use,
            f"{np.mean(cut > 0):.0%} of the sampled examples have more than {most} "
            f"values in column `{use.column}`, up to {lengths.max():,}; the {end} "
            f"{cut.sum() / lengths.sum():.0%} of all values are cut off.",
            "Raise `max_sequence_length` to keep more.",
        )


def _separators(
    use: Use, sample: ColumnSample, read_settings: ReadSettings
) -> Iterator[Finding]:
    """Yields the hint that cells look like lists, and are taken for one value."""
    values, separator = sample.lists.values, read_settings.list_separator
    with_separator = pc.sum(pc.match_substring(values, separator)).as_py()
    if 2 * (with_separator or 0) > len(values):
        yield _hint(
            use,
            f"most cells of column `{use.column}` hold `{separator}`, such as "
            f"{sample.example!r}, and each is taken for one value.",
            "If they are lists, give `combiner` or `max_sequence_length`.",
        )


def _blanks(use: Use, sample: ColumnSample) -> Iterator[Finding]:
    """Yields the hint that cells of blanks are taken for values."""
    is_blank = pc.match_substring_regex(sample.lists.values, r"^\s+$")
    blank = pc.sum(is_blank).as_py() or 0
    if blank:
        yield _hint(
            use,
            f"{blank:,} cells of column `{use.column}` hold blanks alone, and each is "
            "taken for a value.",
            "Write nothing at all where a value is missing.",
        )


def _hint(use: Use, message: str, remedy: str) -> Finding:
    return Finding(
        use.config_path, use.who, message, remedy, use.column, is_fault=False
    )
