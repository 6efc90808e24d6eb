"""Labels that are words, by the numbers that the configuration gives for them.

A word becomes the text of its number, so that labels are read as those of CSV are;
numbers that are no words stay what they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.types as kinds

from shardline.components.readers.files.column_names import nearest
from shardline.components.readers.files.columns.byte_arrays import stripped
from shardline.components.readers.files.columns.canonical import misfits, not_held
from shardline.components.readers.files.columns.lists import Lists
from shardline.components.readers.files.columns.value_texts import value_texts
from shardline.components.readers.files.formats.csv.numbers import plain_numbers
from shardline.components.readers.files.judging.bad_input import RowFaults
from shardline.configs.column import Column
from shardline.configs.dialect import DEFAULT_DIALECT, Dialect
from shardline.configs.shown import quoted, shown

_LABEL = Column("float")
_TRUTHS = {"true": 1.0, "false": 0.0}
_NAMED = 20


def worded(
    lists: Lists, words: Mapping[str, float], dialect: Dialect = DEFAULT_DIALECT
) -> Lists:
    """Returns labels with the text of a number for each word, without blanks around.

    Args:
        lists: the labels, of any type.
        words: the number that each word stands for. Truth values are the words `true`
            and `false`, in letters of any case, or else 1 and 0. A number among the
            words is any that is as great: 1.0 is 1.
        dialect: how numbers were written where the labels are from.

    Returns:
        The same rows, their values as large binary text.
    """
    if kinds.is_boolean(lists.values.type):
        given = {word.casefold(): number for word, number in words.items()}
        words = _TRUTHS | {word: given[word] for word in _TRUTHS if word in given}
    encoded = stripped(value_texts(lists.values)).dictionary_encode()
    as_labels = value_texts(plain_numbers(_encoded(words), dialect).values)
    numbers = dict(zip(as_labels.to_pylist(), map(_text, words.values()), strict=True))
    texts = [numbers.get(text, text) for text in encoded.dictionary.to_pylist()]
    values = pa.array(texts, pa.large_binary()).take(encoded.indices)
    return lists._replace(values=values)


def mark_unknown(
    name: str, lists: Lists, words: Mapping[str, float], faults: RowFaults
) -> None:
    """Marks rows whose label is neither a word nor a number, naming the nearest word.

    Args:
        name: the column.
        lists: its values, as `worded` gives them.
        words: the number that each word stands for.
        faults: where rows are marked.
    """
    bad = misfits(lists.values, _LABEL, is_text=True)
    faults.mark(
        lists.row_of(bad),
        not_held(shown(name), _LABEL),
        lambda row: _said(lists, bad, row, list(words)),
        remedy_of_unknown(words),
    )


def _said(lists: Lists, bad: np.ndarray, row: int, words: Sequence[str]) -> str:
    position = int(bad[np.searchsorted(bad, lists.offsets[row])])
    text = lists.values[position].as_py()
    near = nearest(text.decode(errors="replace"), words)
    return f"it holds {quoted(text)}" + (
        f", perhaps for {quoted(near)}" if near else ""
    )


def remedy_of_unknown(words: Mapping[str, float]) -> str:
    """Returns what to do about a label that is no word, which lists the words."""
    named = ", ".join(quoted(word) for word in sorted(words)[:_NAMED])
    more = " ..." if len(words) > _NAMED else ""
    return (
        f"The words of `data.files.label_words` are {named}{more}: write one of them, "
        "or add this one."
    )


def _encoded(words: Iterable[str]) -> pa.Array:
    return pa.array([word.encode() for word in words], pa.large_binary())


def _text(number: float) -> bytes:
    number = float(number)
    return f"{int(number) if number.is_integer() else number}".encode()
