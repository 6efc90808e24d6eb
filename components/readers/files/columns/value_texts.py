"""Values as the text that splits, labels and keys go by, a number as its text."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as kinds

from shardline.components.readers.files.columns.byte_arrays import content_of

_WHOLE_SECOND = r"(:[0-9]{2})\.0+"
_DECIMAL = r"^[+-]?[0-9]+\.[0-9]*$"


def is_text(stored: pa.DataType) -> bool:
    """Tells whether a column holds strings or bytes."""
    return bool(
        kinds.is_large_binary(stored)
        or kinds.is_binary(stored)
        or kinds.is_string(stored)
        or kinds.is_large_string(stored)
    )


def has_text(stored: pa.DataType) -> bool:
    """Tells whether values of an Arrow type are single ones, which have a text."""
    try:
        pa.array([], stored).cast(pa.large_string())
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        return is_text(stored)
    return True


def value_texts(values: pa.Array) -> pa.Array:
    """Returns values as text: 0.50 and 17.0 as 0.5 and 17, as floats are written.

    Args:
        values: without nulls; of structs and maps the text is Python's.

    Returns:
        Large binary [values].
    """
    if not has_text(values.type):
        texts = [str(value).encode() for value in values.to_pylist()]
        return pa.array(texts, pa.large_binary())
    if not is_text(values.type):
        values = values.cast(pa.large_string())
        # What is a whole second has no fraction in other files.
        values = pc.replace_substring_regex(values, _WHOLE_SECOND, r"\1")
    text = values.cast(pa.large_binary())
    if b"." not in content_of(text):
        return text
    is_decimal = pc.match_substring_regex(text, _DECIMAL)
    if not pc.any(is_decimal).as_py():
        return text
    short = pc.replace_substring_regex(text, r"\.?0*$", "")
    return pc.if_else(is_decimal, short, text)
