"""What a data section may not say of itself."""

from collections.abc import Callable

import pytest

# Text to replace, its replacement, and the line and the message of the fault.
FAULTS = {
    "options_without_a_reader": (
        "  path: data",
        "  path: data\n  options: {a: 1}",
        "2: `data`: `options` are for a `reader` alone",
    ),
    "separator_without_lists": (
        "format: csv,",
        'format: parquet, list_separator: ";",',
        "3: `data.files`: `list_separator` is for CSV alone",
    ),
    "empty_separator": (
        "format: csv,",
        'format: csv, list_separator: "",',
        "3: `data.files.list_separator`: is empty; give the characters between values",
    ),
    "separator_with_a_quote": (
        "format: csv,",
        "format: csv, list_separator: '\"',",
        "3: `data.files.list_separator`: holds a quote or a line break",
    ),
    "blanks_of_no_text": (
        "format: csv,",
        "format: tfrecord, list_strip: false,",
        "3: `data.files`: `list_strip` is for CSV alone",
    ),
    "boundary_without_a_column": (
        "splits: {train: a.csv}",
        "splits: {train: a.csv}, held_out: {eval: {at_least: 3}}",
        "3: `data.files.held_out.eval`: `at_least` is of a `column`; name it, or give",
    ),
    "seed_of_a_boundary": (
        "splits: {train: a.csv}",
        "splits: {train: a.csv}, held_out: {eval: {column: n, at_least: 3, seed: 1}}",
        "3: `data.files.held_out.eval`: `seed` is for `fraction` alone",
    ),
    "seed_that_is_no_number": (
        "splits: {train: a.csv}",
        "splits: {train: a.csv}, held_out: {eval: {fraction: 0.1, seed: yes}}",
        "3: `data.files.held_out.eval.seed`: ",
    ),
    "label_words_of_other_labels": (
        "splits: {train: a.csv}",
        "splits: {train: a.csv}, label_words: {4 stars: 4}",
        "3: `data.files`: `label_words` gives 4 for `4 stars`, expected 0 or 1; or "
        "give `positive_from`",
    ),
    "label_words_that_are_one_number": (
        "splits: {train: a.csv}",
        'splits: {train: a.csv}, label_words: {"1.0": 1, "0": 0, "1": 0}',
        "3: `data.files`: `label_words` gives two numbers for `1.0` and `1`, which are",
    ),
    "label_words_that_are_one_number_with_a_comma": (
        "splits: {train: a.csv}",
        "splits: {train: a.csv}, dialect: {delimiter: ;, decimal: ','}, "
        'label_words: {"1,5": 1, "1,50": 0}',
        "3: `data.files`: `label_words` gives two numbers for `1,5` and `1,50`, which",
    ),
    "label_words_with_blanks": (
        "splits: {train: a.csv}",
        'splits: {train: a.csv}, label_words: {" yes": 1}',
        "3: `data.files.label_words`: has a word with blanks around or nothing in it",
    ),
    "label_words_without_a_word": (
        "splits: {train: a.csv}",
        'splits: {train: a.csv}, label_words: {"": 1}',
        "3: `data.files.label_words`: has a word with blanks around or nothing in it",
    ),
    "date_without_quotes": (
        "splits: {train: a.csv}",
        "splits: {train: a.csv}, held_out: {eval: {column: day, at_least: 2026-01-02}}",
        "3: `data.files.held_out.eval.at_least`: put the date between quotes",
    ),
}


@pytest.mark.parametrize(("old", "new", "message"), FAULTS.values(), ids=list(FAULTS))
def test_fault_is_told_with_its_line(
    job_faults: Callable[[str, str], list[str]], old: str, new: str, message: str
) -> None:
    faults = job_faults(old, new)

    assert any(fault.startswith(message) for fault in faults), faults
