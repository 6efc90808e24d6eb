"""What to do about values that do not fit, by what reads them and how they look."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence

from shardline.components.checker.uses import Use
from shardline.components.readers.files.judging.remedies import (
    FOR_LABEL,
    FOR_PAIRED,
    Remedies,
)

_LARGEST = (1 << 63) - 1
_DECIMAL_COMMA = re.compile(r"[+-]?\d{1,3}(\.\d{3})+,\d+|[+-]?\d*,\d+")
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d+)?")
_WHOLE = re.compile(r"\s*[+-]?\d+\s*")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_NOTHING = re.compile(r"none|null|nil|na|n/a|#n/a|<na>|\\n|[-?.]", re.IGNORECASE)
_DATE = re.compile(r"\d{4}-\d\d-\d\d|\d\d?[./]\d\d?[./]\d{2,4}")
_YES = {"1", "yes", "y", "true", "t", "on", "positive", "pos", "click", "clicked"}
_NO = {"0", "no", "n", "false", "f", "off", "negative", "neg"}
_MOST_WORDS = 12  # of labels, that a remedy writes out
_COUNT = re.compile(r"\s*([+-]?\d+(?:\.\d+)?)(?!\d)")


def remedies_of(use: Use, values: Sequence[str]) -> Remedies:
    """Returns what to do about bad rows of a column.

    Args:
        use: what reads the column.
        values: those of its values that are no numbers, where it must hold numbers.
    """
    other = remedy_of_text(use, values) if values else ""
    skip = " Or leave the example out of the file."
    one = "Write one value."
    lists = "Give the feature `combiner` or `max_sequence_length`"
    if use.role == "label":
        return Remedies(FOR_LABEL.missing, FOR_LABEL.several, other)
    if use.role == "number":
        return Remedies("Give the number `missing`, or write one.", one, other)
    hole = Remedies.hole
    if use.feature and use.feature.weights:
        hole = FOR_PAIRED.hole
    if use.role == "ids":
        missing = "Give the feature a `default`, or write one."
        return Remedies(missing, f"{lists}, or write one value.", other, hole)
    if use.role == "cross":
        missing = "Write one, such as `none`: a cross takes no missing values."
        several = f"{lists}, and so a feature that reads this column alone. Or write "
        return Remedies(missing, f"{several}one value.", other)
    if use.role == "derived":
        several = f"{one} Or give `ragged: true` in `derived.inputs`."
        return Remedies(f"Write one.{skip}", several, other)
    return Remedies(f"Write one.{skip}", one, other, hole)


def remedy_of_text(use: Use, values: Sequence[str]) -> str:
    """Returns what to do about text that is no number; "" if no remedy is known.

    Args:
        use: what reads the column, which must hold numbers.
        values: some of its values that are no numbers.
    """
    assert use.needed is not None  # only splits look at anything
    if _all(values, _NOTHING.fullmatch):
        return "Write numbers. Where one is missing, write nothing at all."
    if any(v != v.strip() for v in values) and _all(values, _NUMBER.fullmatch):
        return "Leave out the blanks around them."
    if _all(values, _THOUSANDS.fullmatch):
        plain = values[0].replace(",", "")
        return f"Its commas part thousands: write none, as in {plain}."
    if use.needed.dtype == "float" and _all(values, _DECIMAL_COMMA.fullmatch):
        point = values[0].replace(".", "").replace(",", ".")
        return f"That is a decimal comma: write a point, as in {point}."
    if use.needed.dtype == "int64" and _all(values, _is_beyond):
        return _larger(use)
    if use.role == "label":
        return of_label_words(values)
    if use.role != "ids" and _all(values, _NUMBER.fullmatch):
        return "Write its numbers as numbers, not as text."
    if use.role == "number" and _all(values, _DATE.match):
        return "Write dates as numbers, such as seconds since 1970."
    return ""


def _all(
    values: Sequence[str], matches: Callable[[str], re.Match[str] | bool | None]
) -> bool:
    return all(matches(value.strip()) for value in values)


def _is_beyond(value: str) -> bool:
    is_whole = _WHOLE.fullmatch(value) is not None
    return is_whole and not -_LARGEST - 1 <= int(value) <= _LARGEST


def _larger(use: Use) -> str:
    feature = use.feature
    if feature is None:
        return "Give the number `dtype: float`."
    if feature.ids.kind in ("vocabulary", "hash"):
        return "Leave out `dtype`, to take ids as strings."
    if feature.ids.kind == "quantiles":
        return "Leave out `dtype`, to take floats."
    return "Give `ids: vocabulary` or `ids: {hash_buckets: ...}`, which take strings."


def of_label_words(values: Sequence[str]) -> str:
    """Returns which `data.files.label_words` to give for labels that are words.

    Args:
        values: some of the labels that are no numbers.
    """
    words = sorted({value.strip() for value in values})
    if len(words) > _MOST_WORDS:
        return (
            f"Give `data.files.label_words`, with a number for each word such as "
            f"{_written(words[0])}; or write numbers."
        )
    numbers = _numbers_of(words)
    if numbers is None and len(words) != 2:
        named = ", ".join(map(_written, words))
        return f"Give `data.files.label_words`, with 0 or 1 for each of {named}."
    given = numbers or {words[0]: "0", words[1]: "1"}
    pairs = ", ".join(f"{_written(word)}: {given[word]}" for word in words)
    remedy = f"Give `data.files.label_words: {{{pairs}}}`"
    if numbers is None:
        return f"{remedy}, or the two the other way round."
    if set(numbers.values()) <= {"0", "1"}:
        return f"{remedy}."
    return f"{remedy} and `positive_from`, from which on a label is 1."


def _numbers_of(words: Sequence[str]) -> dict[str, str] | None:
    """Returns the number that each word means, such as `4 stars`; None if not clear."""
    if all(word.lower() in _YES | _NO for word in words):
        return {word: "1" if word.lower() in _YES else "0" for word in words}
    counts = {word: match[1] for word in words if (match := _COUNT.match(word))}
    return counts if len(counts) == len(words) else None


def _written(word: str) -> str:
    """Returns a word as YAML takes it."""
    return json.dumps(word, ensure_ascii=False)
