"""What is wrong with one column of a sample, for one who reads it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shardline.components.checker.findings import Finding, Place
from shardline.components.checker.seen import DTYPES, Seen
from shardline.components.checker.uses import Use
from shardline.components.checker.value_remedies import remedies_of, remedy_of_text
from shardline.components.readers.files.column_names import nearest
from shardline.components.readers.files.judging.remedies import rewritten
from shardline.components.readers.files.read_settings import ReadSettings
from shardline.configs.schema import Feature
from shardline.configs.shown import quoted, shown

_NAMED = 20
_MOST_ROWS = 1 << 31  # of a table that someone may want
_FEW = 10  # rows that tell nothing by being equal


def absent(use: Use, there: Sequence[str]) -> Finding:
    """Returns the fault of a column that the sample lacks."""
    found = nearest(use.column, there)
    if found is not None and found != found.strip():
        remedy = f"It has {quoted(found)}, with blanks around the name: leave them out."
    elif found is not None:
        remedy = f"Did you mean `{shown(found)}`?"
    elif not there:
        remedy = "Its examples have no column at all. Write them."
    else:
        more = " ..." if len(there) > _NAMED else ""
        remedy = f"It has {', '.join(map(shown, sorted(there)[:_NAMED]))}{more}."
    fact = f"column `{use.column}` is not in the sample."
    return Finding(use.place, use.who, fact, remedy, use.column)


def misfit(
    use: Use, seen: Seen, others: Sequence[Seen], settings: ReadSettings
) -> Finding | None:
    """Returns the fault of a column whose values are of another type as a whole.

    Args:
        use: of the column.
        seen: what some files have in it.
        others: what others have, in other types.
        settings: how files are read.
    """
    needed = use.needed
    if needed is None or seen.fits(needed):
        return None
    places = seen.misfits(needed)
    values = seen.texts(places)
    fact = (
        f"{seen.place_of_value(int(places[0]))}: column `{use.column}` holds "
        f"{seen.kind} values such as {values[0]!r}, expected {needed}"
        f"{_ENDS if seen.kind == 'int' else ''}."
    )
    stored, remedy = seen.lists.values.type, ""
    if seen.is_fractional:
        remedy = _remedy_of_type(use, "fraction")
    elif seen.kind in ("string", "int") and needed.dtype != "string":
        remedy = remedy_of_text(use, values)
    elif seen.kind not in DTYPES and use.role in _REWRITTEN:
        remedy = rewritten(stored, needed.dtype)
    remedy = remedy or _remedy_of_type(use, seen.kind)
    place = (*use.place[:2], "dtype") if use.feature else use.place
    fit = [other.kind for other in others if other.missing < 1 and other.fits(needed)]
    if not fit:
        return Finding(place, use.who, fact, remedy, use.column)
    remedy = f"Other files hold {fit[0]} values: write them so in all files."
    mode = (
        settings.on_bad_file
        if settings.format == "parquet"
        else settings.on_bad_example
    )
    return Finding(place, use.who, fact, remedy, use.column, is_fault=mode == "error")


_ENDS = f", which ends at {(1 << 63) - 1:,}"
_REWRITTEN = ("ids", "cross", "number", "derived")


def _remedy_of_type(use: Use, found: str) -> str:
    """Says which `dtype` or `ids` to give."""
    feature = use.feature
    if found == "not UTF-8":
        return "Write the file in UTF-8."
    if use.role == "derived":
        dtype = found if found in DTYPES else "float"
        return f"Give `{use.column}: {{dtype: {dtype}}}` in `derived.inputs`."
    if use.role == "label":
        return "Write 0 and 1, or numbers and `data.files.positive_from`."
    if use.role in ("weights", "example weight"):
        return "Write numbers there, or name another column."
    if use.role == "number":
        return "Make it a feature with `ids: {hash_buckets: ...}`, or write numbers."
    if use.role == "cross" and found in ("float", "fraction"):
        return "Write it as strings."
    if feature is None or use.role == "cross":
        return "Write it as strings, or give a feature of that column its `dtype`."
    if found == "fraction" and feature.ids.kind == "quantiles":
        return "Leave out `dtype`, to take floats."
    if found == "fraction":
        return (
            "Give `ids: {quantile_buckets: ...}` if these are amounts such as prices; "
            "write ids as whole numbers or strings."
        )
    if found == "float":
        return (
            "Give `dtype: int64`, which takes whole numbers such as 17.0, or write "
            "them as strings."
        )
    if found == "int64":
        return "Give `dtype: int64`."
    if found.startswith(("date", "time", "duration", "month_day_nano")):
        return "Write it as strings or whole numbers."
    if feature.ids.kind in ("vocabulary", "hash"):
        return "Leave out `dtype`."
    return "Give `ids: vocabulary` or `ids: {hash_buckets: ...}`, which take strings."


def all_missing(use: Use) -> Finding:
    """Returns the fault of a column without any value."""
    fact = f"column `{use.column}` has no value in any sampled example."
    return Finding(use.place, use.who, fact, _OF_NOTHING[use.role], use.column)


_OF_NOTHING = {
    "ids": "Name another by `column`, or leave the feature out.",
    "cross": "Name another in `cross`, or leave the feature out.",
    "weights": "Name another, or leave `weights` out.",
    "number": "Name another by `column`, or leave the number out.",
    "label": "Name another as `data.label`, or write labels.",
    "example weight": "Name another, or leave `data.example_weight` out.",
    "derived": "Name another in `derived.inputs`, or write its values.",
    "split": "Name another in `data.files.held_out`, or write its values.",
}


def row_findings(use: Use, seen: Seen, settings: ReadSettings) -> Iterator[Finding]:
    """Yields what single rows have that they may not."""
    if use.needed is None:
        return
    is_number = seen.is_text and use.needed.dtype != "string"
    values = seen.texts(seen.misfits(use.needed)) if is_number else []
    _, bad = seen.converted(use.needed, remedies_of(use, values))
    rows = len(seen.lists.lengths)
    for reason, count in bad.rows.items():
        is_fault = settings.on_bad_example == "error" or count == rows
        left_out = "" if is_fault else " and are left out"
        yield Finding(
            _place_of_rows(use, reason),
            use.who,
            f"{count:,} of {rows:,} sampled examples cannot be used{left_out}: "
            f"{bad.first[reason][0][2]}",
            "",
            use.column,
            is_fault=is_fault,
        )


def _place_of_rows(use: Use, reason: str) -> Place:
    return use.place[:2] if "has no value" in reason else use.place


def value_findings(use: Use, seen: Seen, settings: ReadSettings) -> Iterator[Finding]:
    """Yields what is wrong with values of the right type, and what is odd."""
    if use.needed is None:
        return
    lists, _ = seen.converted(use.needed)
    if use.role == "label":
        yield from _label(use, lists.values, settings)
    if isinstance(use.part, Feature) and use.role == "ids":
        stored = seen.lists.values  # beyond int64 they become negative
        is_large = pa.types.is_uint64(stored.type)
        yield from _ids(use, use.part, stored if is_large else lists.values)
        yield from _lengths(use, use.part, seen)
    if seen.is_text and not use.needed.ragged:
        yield from _separated(use, seen, settings)
        yield from _blank(use, seen)


def constant_findings(use: Use, seen: Seen) -> Iterator[Finding]:
    """Yields that a column, which all files have in one type, has one value only."""
    is_input = use.role not in ("split", "label")
    if seen.distinct == 1 and len(seen.there) >= _FEW and is_input:
        some = " that have a value" if seen.missing else ""
        fact = f"column `{use.column}` is {seen.example!r} in all sampled examples"
        fact += f"{some}."
        remedy = "It tells a model nothing; leave it out if that is so everywhere."
        yield _hint(use, fact, remedy)


def _label(use: Use, values: pa.Array, settings: ReadSettings) -> Iterator[Finding]:
    labels = values.to_numpy(zero_copy_only=False)
    labels = labels[np.isfinite(labels)]
    if settings.positive_from is not None:
        labels = (labels >= settings.positive_from).astype(np.float32)
        if len(labels) >= _FEW and len(np.unique(labels)) == 1:
            yield _hint(
                use,
                f"all sampled labels become {labels[0]:g} by `positive_from: "
                f"{settings.positive_from:g}`.",
                "A model needs both; look whether it should be another.",
            )
        return
    other = np.unique(labels[(labels != 0) & (labels != 1)])
    if len(other):
        named = ", ".join(f"{value:g}" for value in other[:3])
        yield Finding(
            use.place,
            use.who,
            f"column `{use.column}` holds {named}{' ...' if len(other) > 3 else ''}"
            f"{' beside' if len(other) < len(np.unique(labels)) else ', expected'} 0 "
            "and 1.",
            "Give `data.files.positive_from`, from which on a label is 1.",
            use.column,
        )


def _ids(use: Use, feature: Feature, values: pa.Array) -> Iterator[Finding]:
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
        (*use.place[:2], "ids", "range"),
        use.who,
        f"column `{use.column}` holds ids from {low:,} to {high:,}, and `range: "
        f"{ids.range}` allows 0 to {ids.range - 1:,}.",
        remedy,
        use.column,
    )


def _lengths(use: Use, feature: Feature, seen: Seen) -> Iterator[Finding]:
    lengths = seen.lists.lengths
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


def _separated(use: Use, seen: Seen, settings: ReadSettings) -> Iterator[Finding]:
    if use.role not in ("ids", "cross") or use.needed is None:
        return
    values = seen.lists.values
    with_separator = pc.sum(pc.match_substring(values, settings.list_separator)).as_py()
    if 2 * (with_separator or 0) > len(values):
        yield _hint(
            use,
            f"most cells of column `{use.column}` hold `{settings.list_separator}`, "
            f"such as {seen.example!r}, and each is taken for one value.",
            "If they are lists, give `combiner` or `max_sequence_length`.",
        )


def _blank(use: Use, seen: Seen) -> Iterator[Finding]:
    if use.role not in ("ids", "cross") or use.needed is None:
        return
    is_blank = pc.match_substring_regex(seen.lists.values, r"^\s+$")
    blank = pc.sum(is_blank).as_py() or 0
    if blank and use.needed.dtype == "string":
        yield _hint(
            use,
            f"{blank:,} cells of column `{use.column}` hold blanks alone, and each is "
            "taken for a value.",
            "Write nothing at all where a value is missing.",
        )


def _hint(use: Use, fact: str, remedy: str) -> Finding:
    return Finding(use.place, use.who, fact, remedy, use.column, is_fault=False)
