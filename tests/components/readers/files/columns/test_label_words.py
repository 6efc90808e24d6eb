"""Labels that are words, in every format and type."""

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from shardline.components.readers.files import (
    BadInputError,
    ReadSettings,
    Unit,
    read_unit,
)
from shardline.configs.column import Column
from shardline.configs.dialect import Dialect

FORMATS = ["a.tfrecord", "a.csv", "a.parquet"]
YES = {"yes": 1.0, "no": 0.0}


def labels(
    file: str, words: dict[str, float], *, mode: Any = "skip", **more: Any
) -> tuple[list[float], list[str]]:
    """The labels that are read, and the lines that tell of bad ones."""
    settings = ReadSettings(
        file.rpartition(".")[2],  # type: ignore[arg-type]
        {"label": Column("float")},
        label="label",
        label_words=words,
        on_bad_example=mode,
        **more,
    )
    bad = settings.new_bad_input()
    found = [
        label
        for _, batch in read_unit(Unit(file), settings, bad)
        for label in batch.column("label").flatten().to_pylist()
    ]
    return found, bad.lines()


def rows(values: list[Any]) -> list[dict]:
    return [{"n": i, "label": value} for i, value in enumerate(values)]


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(
    ("values", "words", "more", "expected"),
    [
        (["yes", "no", "yes"], YES, {}, [1, 0, 1]),
        ([" yes", "no\t"], YES, {}, [1, 0]),
        (["True", "False"], {"True": 1.0, "False": 0.0}, {}, [1, 0]),
        (["True", "False"], {"True": 0.0, "False": 1.0}, {}, [0, 1]),
        (
            ["4 stars", "5 stars", "1 star"],
            {"1 star": 1.0, "4 stars": 4.0, "5 stars": 5.0},
            {"positive_from": 4},
            [1, 1, 0],
        ),
        (["ü", "ö"], {"ü": 1.0, "ö": 0.0}, {}, [1, 0]),
        # Numbers are words, too, and others stay numbers.
        (["2", "1"], {"2": 0.0}, {}, [0, 1]),
        ([2, 1], {"2": 0.0}, {}, [0, 1]),
        ([0.5, 1.0], {"0.5": 0.0}, {}, [0, 1]),
        # However many zeros a file or the configuration has after the point.
        (["0.0", "1.0"], {"0.0": 1.0, "1.0": 0.0}, {}, [1, 0]),
        ([0.0, 1.0], {"0.0": 1.0, "1.0": 0.0}, {}, [1, 0]),
        (["1.50", "1.5", "0"], {"1.50": 1.0}, {}, [1, 1, 0]),
        ([1.5, 0.0], {"1.50": 1.0}, {}, [1, 0]),
        (["2", "2.0", "1"], {"2.": 0.0, "1": 1.0}, {}, [0, 0, 1]),
        (["yes", "no"], {"yes": 1, "no": 0}, {}, [1, 0]),  # integers
        (["yes", "0", "1.0"], YES, {}, [1, 0, 1]),
        (["0.25", "few"], {"few": 0.2}, {"positive_from": 0.25}, [1, 0]),
    ],
)
def test_words_stand_for_numbers(
    name: str,
    values: list[Any],
    words: dict[str, float],
    more: dict,
    expected: list[int],
    write: Callable[..., str],
) -> None:
    assert labels(write(name, rows(values)), words, **more) == (expected, [])


@pytest.mark.parametrize(
    ("array", "words", "expected"),
    [
        (pa.array(["no", "yes"]).dictionary_encode(), YES, [0, 1]),
        (pa.array([b"no", b"yes"]), YES, [0, 1]),
        (pa.array([True, False]), {"yes": 1.0}, [1, 0]),
        (pa.array([True, False]), {"True": 0.0, "False": 1.0}, [0, 1]),
        (pa.array([True, False]), {"false": 1.0}, [1, 1]),
        (pa.array([["no"], ["yes"]]), YES, [0, 1]),
    ],
)
def test_words_of_types_of_parquet(
    array: pa.Array,
    words: dict[str, float],
    expected: list[int],
    write: Callable[..., str],
) -> None:
    table = pa.table({"label": array})
    assert labels(write("a.parquet", table), words) == (expected, [])


def test_examples_that_store_labels_in_several_ways(write: Callable[..., str]) -> None:
    file = write("a.tfrecord", rows([1, "no", 0.0, "yes"]))
    assert labels(file, YES) == ([1, 0, 0, 1], [])


@pytest.mark.parametrize(
    ("cells", "words", "thousands"),
    [
        (["1,5", "0,5"], {"1,5": 1.0, "0,5": 0.0}, None),
        (["1,50", "0"], {"1,5": 1.0}, None),
        (["1,5", "0"], {"1,50": 1.0}, None),
        # What is a word need be no number of the dialect.
        (["1.5", "4.0"], {"1.5": 1.0, "4.0": 0.0}, None),
        (["1.000", "2.000,5"], {"1.000": 1.0, "2.000,5": 0.0}, "."),
        (["1000", "1.000", "2"], {"1.000": 1.0, "2": 0.0}, "."),
        (["ja", "nein"], {"ja": 1.0, "nein": 0.0}, "."),
    ],
)
def test_words_are_numbers_of_the_dialect(
    cells: list[str],
    words: dict[str, float],
    thousands: str | None,
    write: Callable[..., str],
) -> None:
    file = write("a.csv", "\n".join(["n;label", *(f"1;{c}" for c in cells)]).encode())
    dialect = Dialect(delimiter=";", decimal=",", thousands=thousands)
    expected = [*([1.0] * (len(cells) - 1)), 0.0]
    assert labels(file, words, dialect=dialect) == (expected, [])


@pytest.mark.parametrize("name", FORMATS)
def test_other_word_is_bad_with_the_nearest_one(
    name: str, write: Callable[..., str]
) -> None:
    file = write(name, rows(["yes", "Yes", "maybe", "no"]))
    found, lines = labels(file, YES)
    assert found == [1, 0]
    assert lines[0] == "2 examples left out: column `label` does not hold one float"
    assert "it holds 'Yes', perhaps for 'yes'. The words of" in lines[1]
    assert lines[1].endswith(
        "`data.files.label_words` are 'no', 'yes': write one of them, or add this one."
    )
    assert "it holds 'maybe'. The words of" in lines[2]


@pytest.mark.parametrize("name", FORMATS)
def test_missing_label_is_no_word(name: str, write: Callable[..., str]) -> None:
    found, lines = labels(write(name, rows(["yes", None, "no"])), YES)
    assert found == [1, 0]
    assert "column `label` has no value" in lines[0]


@pytest.mark.parametrize("name", FORMATS)
def test_words_without_a_mapping_name_the_key(
    name: str, write: Callable[..., str]
) -> None:
    file = write(name, rows(["yes", "no"]))
    with pytest.raises(
        BadInputError, match=r"Give `data\.files\.label_words`, the num"
    ):
        labels(file, {}, mode="error")
