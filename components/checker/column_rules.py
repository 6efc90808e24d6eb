"""What is wrong with a column as a whole, or with single rows of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from shardline.components.checker.column_sample import DTYPES, ColumnSample
from shardline.components.checker.dialect_remedies import dialect_remedy
from shardline.components.checker.findings import Finding
from shardline.components.checker.uses import Use
from shardline.components.checker.value_remedies import remedies_of, remedy_of_text
from shardline.components.readers.files.column_names import nearest
from shardline.components.readers.files.columns.canonical import no_value, not_held
from shardline.components.readers.files.columns.label_words import remedy_of_unknown
from shardline.components.readers.files.judging.remedies import rewritten
from shardline.components.readers.files.read_settings import ReadSettings
from shardline.configs.column import Column
from shardline.configs.shown import quoted, shown

_NAMED = 20
_LARGEST_INT = f", which ends at {(1 << 63) - 1:,}"
_REWRITTEN = ("ids", "cross", "number", "derived")
_WITHOUT_VALUES = {
    "ids": "Name another by `column`, or leave the feature out.",
    "cross": "Name another in `cross`, or leave the feature out.",
    "weights": "Name another, or leave `weights` out.",
    "number": "Name another by `column`, or leave the number out.",
    "label": "Name another as `data.label`, or write labels.",
    "example weight": "Name another, or leave `data.example_weight` out.",
    "derived": "Name another in `derived.inputs`, or write its values.",
    "join": "Name another in `data.files.join`, or write its values.",
    "split": "Name another in `data.files.held_out`, or write its values.",
}


def absent(use: Use, columns: Sequence[str]) -> Finding:
    """Returns the fault of a column that the sample lacks.

    Args:
        use: what reads the column.
        columns: the columns that the sample has.
    """
    found = nearest(use.column, columns)
    if found is not None and found != found.strip():
        remedy = f"It has {quoted(found)}, with blanks around the name: leave them out."
    elif found is not None:
        remedy = f"Did you mean `{shown(found)}`?"
    elif not columns:
        remedy = "Its examples have no column at all. Write them."
    else:
        more = " ..." if len(columns) > _NAMED else ""
        remedy = f"It has {', '.join(map(shown, sorted(columns)[:_NAMED]))}{more}."
    message = f"column `{use.column}` is not in the sample."
    return Finding(use.config_path, use.who, message, remedy, use.column)


def all_missing(use: Use) -> Finding:
    """Returns the fault of a column without any value."""
    message = f"column `{use.column}` has no value in any sampled example."
    remedy = _WITHOUT_VALUES[use.role]
    return Finding(use.config_path, use.who, message, remedy, use.column)


def misfit(
    use: Use,
    sample: ColumnSample,
    others: Sequence[ColumnSample],
    read_settings: ReadSettings,
) -> Finding | None:
    """Returns the fault of a column whose values are of another type as a whole.

    Args:
        use: what reads the column.
        sample: what some files have in it.
        others: what other files have in it, in other types.
        read_settings: how the files are read.
    """
    needed = use.needed
    if needed is None or sample.fits(needed):
        return None
    positions = sample.misfits(needed)
    values = sample.texts(positions)
    message = (
        f"{sample.location_of_value(int(positions[0]))}: column `{use.column}` holds "
        f"{sample.kind} values such as {values[0]!r}, expected {needed}"
        f"{_LARGEST_INT if sample.kind == 'int' else ''}."
    )
    remedy = _remedy(use, needed, sample, values, read_settings)
    is_fault = True
    fitting = [o.kind for o in others if o.missing < 1 and o.fits(needed)]
    if fitting:
        remedy = f"Other files hold {fitting[0]} values: write them so in all files."
        is_parquet = read_settings.format == "parquet"
        mode = read_settings.on_bad_file if is_parquet else read_settings.on_bad_example
        is_fault = mode == "error"
    path = (*use.config_path[:2], "dtype") if use.feature else use.config_path
    return Finding(
        path,
        use.who,
        message,
        remedy,
        use.column,
        is_fault=is_fault,
        causes=frozenset(
            [not_held(shown(use.column), needed), *(file for file, _ in sample.files)]
        ),
    )


def _remedy(
    use: Use,
    needed: Column,
    sample: ColumnSample,
    values: Sequence[str],
    read_settings: ReadSettings,
) -> str:
    """Returns what to do about values of another type."""
    if use.role == "label" and read_settings.label_words:
        return remedy_of_unknown(read_settings.label_words)
    if sample.is_fractional:
        return _remedy_of_type(use, "fraction")
    remedy = ""
    if sample.kind in ("string", "int") and needed.dtype != "string":
        by_dialect = dialect_remedy(use, sample, read_settings)
        remedy = by_dialect or remedy_of_text(use, values)
    elif sample.kind not in DTYPES and use.role in _REWRITTEN:
        remedy = rewritten(sample.lists.values.type, needed.dtype)
    return remedy or _remedy_of_type(use, sample.kind)


def _remedy_of_type(use: Use, found: str) -> str:
    """Returns which `dtype` or `ids` to give for values of a type."""
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
    # Arrow's names of types in which `rewritten` finds nothing to say.
    if found.startswith(("date", "time", "duration", "month_day_nano")):
        return "Write it as strings or whole numbers."
    if feature.ids.kind in ("vocabulary", "hash"):
        return "Leave out `dtype`."
    return "Give `ids: vocabulary` or `ids: {hash_buckets: ...}`, which take strings."


def row_findings(
    use: Use, sample: ColumnSample, read_settings: ReadSettings
) -> Iterator[Finding]:
    """Yields what single rows have that they may not.

    Args:
        use: what reads the column.
        sample: what the column holds.
        read_settings: how the files are read.
    """
    if use.needed is None:
        return
    is_number = sample.is_text and use.needed.dtype != "string"
    values = sample.texts(sample.misfits(use.needed)) if is_number else []
    remedies = remedies_of(use, values)
    if read_settings.has_words(use.column):
        other = remedy_of_unknown(read_settings.label_words)
        remedies = dataclasses.replace(remedies, other=other)
    elif by_dialect := dialect_remedy(use, sample, read_settings):
        remedies = dataclasses.replace(remedies, other=by_dialect)
    _, bad = sample.converted(use.needed, remedies)
    rows = len(sample.lists.lengths)
    for reason, count in bad.rows.items():
        is_fault = read_settings.on_bad_example == "error" or count == rows
        left_out = "" if is_fault else " and are left out"
        # A missing value is the feature's matter, which has to say what stands in.
        is_missing = reason == no_value(shown(use.column))
        yield Finding(
            use.config_path[:2] if is_missing else use.config_path,
            use.who,
            f"{count:,} of {rows:,} sampled examples cannot be used{left_out}: "
            f"{bad.first[reason][0][2]}",
            "",
            use.column,
            is_fault=is_fault,
            causes=frozenset([reason]),
        )
