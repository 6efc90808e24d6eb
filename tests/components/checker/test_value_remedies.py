"""Remedies that look at the values."""

from typing import Any

import pytest

from shardline.components.checker.uses import Use
from shardline.components.checker.value_remedies import remedies_of, remedy_of_text
from shardline.configs.column import Column
from shardline.configs.schema import Feature

GIVE = "Give `data.files.label_words"


def use_of(role: str, dtype: str = "float", part: Any = None) -> Use:
    return Use("x", "who", (), role, Column(dtype), part)


@pytest.mark.parametrize(
    ("role", "values", "remedy"),
    [
        (
            "number",
            ["NA", "null"],
            "Write numbers. Where one is missing, write nothing",
        ),
        ("number", [" 1", "2 "], "Leave out the blanks around them."),
        ("number", ["1,234"], "Its commas part thousands: write none, as in 1234."),
        ("number", ["1,5"], "That is a decimal comma: write a point, as in 1.5."),
        ("number", ["1", "2"], "Write its numbers as numbers, not as text."),
        ("number", ["2024-09-30"], "Write dates as numbers"),
        ("number", ["young"], ""),
        ("label", [" yes", "no", "no"], f'{GIVE}: {{"no": 0, "yes": 1}}`.'),
        ("label", ["yes"], f'{GIVE}: {{"yes": 1}}`.'),
        ("label", ["True", "False"], f'{GIVE}: {{"False": 0, "True": 1}}`.'),
        ("label", ["0", "1"], f'{GIVE}: {{"0": 0, "1": 1}}`.'),
        (
            "label",
            ['b"', "a"],
            f'{GIVE}: {{"a": 0, "b\\"": 1}}`, or the two the other way round.',
        ),
        (
            "label",
            ["4 stars", "1 star", "2.5 stars"],
            f'{GIVE}: {{"1 star": 1, "2.5 stars": 2.5, "4 stars": 4}}` and `positive_',
        ),
        ("label", ["a", "b", "c"], f'{GIVE}`, with 0 or 1 for each of "a", "b", "c".'),
        ("label", list("abcdefghijklmno"), f"{GIVE}`, with a number for each word"),
    ],
)
def test_remedy_follows_what_the_text_looks_like(
    role: str, values: list[str], remedy: str
) -> None:
    found = remedy_of_text(use_of(role), values)

    assert found.startswith(remedy)
    assert bool(found) == bool(remedy)


@pytest.mark.parametrize(
    ("feature", "remedy"),
    [
        (
            Feature(table="t", dtype="int64"),
            "Leave out `dtype`, to take ids as strings.",
        ),
        (Feature(table="t", ids={"range": 9}), "Give `ids: vocabulary` or"),
        (None, "Give the number `dtype: float`."),
    ],
)
def test_numbers_beyond_int64_have_a_type_that_takes_them(
    feature: Feature | None, remedy: str
) -> None:
    use = use_of("ids" if feature else "number", "int64", feature)

    assert remedy_of_text(use, [str(2**63)]).startswith(remedy)


@pytest.mark.parametrize(
    ("role", "missing"),
    [
        ("label", "Write the label, or leave the example out of the file."),
        ("number", "Give the number `missing`, or write one."),
        ("ids", "Give the feature a `default`, or write one."),
        ("cross", "Write one, such as `none`: a cross takes no missing values."),
        ("split", "Write one. Or leave the example out of the file."),
    ],
)
def test_remedy_for_a_missing_value_follows_the_role(role: str, missing: str) -> None:
    assert remedies_of(use_of(role), []).missing == missing
