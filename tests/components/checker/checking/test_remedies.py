"""Each remedy that `check` names is followed here, and what it was for is gone."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shardline.components.checker.checking import check
from shardline.components.checker.report import Report

ROWS = 40
CONFIG = """\
name: remedies
data:
  path: FOLDER
  files: {format: FORMAT, splits: {train: data.FORMAT}}
  label: label
features:
  item: {table: item}
tables:
  item: {dim: 4}
"""
NUMBER = {"tables:": "numbers:\n  age: {}\ntables:"}
LISTS = {"{table: item}": "{table: item, combiner: mean}"}
WEIGHTED = {"{table: item}": "{table: item, combiner: mean, weights: w}"}
CROSS = {"{table: item}": "{table: item, cross: [item, other]}"}


def ids(**keys: str) -> dict[str, str]:
    given = ", ".join(f"{key}: {value}" for key, value in keys.items())
    return {"{table: item}": f"{{table: item, {given}}}"}


def good() -> dict[str, list[Any]]:
    return {
        "item": [f"i{i % 7}" for i in range(ROWS)],
        "age": [20.5 + i for i in range(ROWS)],
        "label": [i % 2 for i in range(ROWS)],
    }


def last(column: str, value: Any) -> dict[str, list[Any]]:
    return {column: [*good()[column][:-1], value]}


def words(column: str, *values: Any) -> dict[str, list[Any]]:
    return {column: [values[i % len(values)] for i in range(ROWS)]}


def label_words(**numbers: int) -> dict[str, str]:
    given = ", ".join(f"{word}: {number}" for word, number in numbers.items())
    return {"splits:": f"label_words: {{{given}}}, splits:"}


Case = tuple[str, dict[str, str], dict[str, Any], str, dict[str, str], dict[str, Any]]
# Format, configuration and data that are at fault, what is said, and both as it says.
CASES: dict[str, Case] = {
    "name with blanks": (
        "csv", {}, {"item": None, " item": good()["item"]},
        "It has ' item', with blanks around the name: leave them out.",
        {}, {" item": None},
    ),
    "name in capitals": (
        "csv", {}, {"item": None, "ITEM": good()["item"]},
        "Did you mean `ITEM`?",
        ids(column="ITEM"), {"item": None, "ITEM": good()["item"]},
    ),
    "decimal commas": (
        "csv", NUMBER, words("age", "11,79", "0,5"),
        "holds string values such as '11,79', expected one float. That is a decimal "
        'comma. Give `data.files.dialect: {decimal: ","}`, or write a point, as in '
        "11.79.",
        NUMBER, words("age", "11.79", "0.5"),
    ),
    "decimal commas and points": (
        "csv", NUMBER, words("age", "1.234,5"),
        "That is a decimal comma and its points part thousands. Give "
        '`data.files.dialect: {decimal: ",", thousands: "."}`, or write a point, as in '
        "1234.5.",
        NUMBER | {"splits:": 'dialect: {decimal: ",", thousands: "."}, splits:'},
        words("age", "1.234,5"),
    ),
    "thousands": (
        "csv", NUMBER, words("age", "1,234", "12,345.5"),
        'Its commas part thousands. Give `data.files.dialect: {thousands: ","}`, or '
        "write none, as in 1234.",
        NUMBER | {"splits:": 'dialect: {thousands: ","}, splits:'},
        words("age", "1,234", "12,345.5"),
    ),
    "decimal commas with three places": (
        "csv", NUMBER, words("age", "0,123", "1,234"),
        'That is a decimal comma. Give `data.files.dialect: {decimal: ","}`, or write '
        "a point, as in 0.123.",
        NUMBER, words("age", "0.123", "1.234"),
    ),
    "yes and no": (
        "csv", {}, words("label", "no", "yes"),
        "column `label` holds string values such as 'no', expected one float. Give "
        '`data.files.label_words: {"no": 0, "yes": 1}`.',
        label_words(no=0, yes=1), words("label", "no", "yes"),
    ),
    "True and False of Parquet": (
        "parquet", {}, words("label", "False", "True"),
        'Give `data.files.label_words: {"False": 0, "True": 1}`.',
        label_words(**{"False": 0, "True": 1}), words("label", "False", "True"),
    ),
    "two words": (
        "csv", {}, words("label", "skip", "watch"),
        'Give `data.files.label_words: {"skip": 0, "watch": 1}`, or the two the other '
        "way round.",
        label_words(skip=0, watch=1), words("label", "skip", "watch"),
    ),
    "one word among labels": (
        "csv", {}, last("label", "yes"),
        "example 40: column `label` does not hold one float: it holds 'yes'. Give "
        '`data.files.label_words: {"yes": 1}`.',
        label_words(yes=1), last("label", "yes"),
    ),
    "labels of words with numbers": (
        "parquet", {}, words("label", "4 stars", "1 star"),
        'Give `data.files.label_words: {"1 star": 1, "4 stars": 4}` and '
        "`positive_from`, from which on a label is 1.",
        {"splits:": 'label_words: {"1 star": 1, "4 stars": 4}, positive_from: 4, '
                    "splits:"},
        words("label", "4 stars", "1 star"),
    ),
    "word that the mapping has not": (
        "csv", label_words(no=0, yes=1),
        {"label": ["no", "yes"] * (ROWS // 2 - 1) + ["yes", "nö"]},
        "example 40: column `label` does not hold one float: it holds 'nö'. The words "
        "of `data.files.label_words` are 'no', 'yes': write one of them, or add this",
        label_words(no=0, yes=1, nö=0),
        {"label": ["no", "yes"] * (ROWS // 2 - 1) + ["yes", "nö"]},
    ),
    "words of another language than the mapping's": (
        "parquet", label_words(no=0, yes=1), words("label", "ja", "nein"),
        "The words of `data.files.label_words` are 'no', 'yes': write one of them, or "
        "add this one.",
        label_words(no=0, yes=1, ja=1, nein=0), words("label", "ja", "nein"),
    ),
    "labels as text": (
        "parquet", {}, words("label", "0", "1"),
        'Give `data.files.label_words: {"0": 0, "1": 1}`.',
        label_words(**{'"0"': 0, '"1"': 1}), words("label", "0", "1"),
    ),
    "labels of stars": (
        "csv", {}, words("label", 1, 5),
        "column `label` holds 5 beside 0 and 1. Give `data.files.positive_from`",
        {"splits:": "positive_from: 4, splits:"}, words("label", 1, 5),
    ),
    "labels without 0 and 1": (
        "csv", {}, words("label", 2, 5),
        "column `label` holds 2, 5, expected 0 and 1. Give `data.files.positive_from`",
        {"splits:": "positive_from: 4, splits:"}, words("label", 2, 5),
    ),
    "label is missing": (
        "csv", {}, last("label", ""),
        "has no value: one float is expected. Write the label, or leave the example "
        "out of the file.",
        {}, last("label", 1),
    ),
    "number is missing": (
        "csv", NUMBER, last("age", "NaN"),
        "has no number: it holds NaN. Give the number `missing`, or write one.",
        {"tables:": "numbers:\n  age: {missing: mean}\ntables:"}, last("age", "NaN"),
    ),
    "words for no number": (
        "csv", {"tables:": "numbers:\n  age: {missing: 0}\ntables:"},
        words("age", "None", "NULL", "1.5"),
        "Of 40 sampled values are `None` 14, `NULL` 13. Give `data.files.dialect: "
        '{missing: [None, "NULL"]}`, or write nothing at all where a value is missing.',
        {"splits:": 'dialect: {missing: ["None", "NULL"]}, splits:',
         "tables:": "numbers:\n  age: {missing: 0}\ntables:"},
        words("age", "None", "NULL", "1.5"),
    ),
    "id is missing": (
        "csv", {}, last("item", ""),
        "has no value: one string is expected. Give the feature a `default`, or write",
        ids(default="none"), last("item", ""),
    ),
    "crossed id is missing": (
        "csv", CROSS, {"other": [*["o"] * (ROWS - 1), ""]},
        "Write one, such as `none`: a cross takes no missing values.",
        CROSS, {"other": [*["o"] * (ROWS - 1), "none"]},
    ),
    "several ids": (
        "parquet", {}, words("item", ["a", "b"], ["c"]),
        "it holds 2. Give the feature `combiner` or `max_sequence_length`, or write",
        LISTS, words("item", ["a", "b"], ["c"]),
    ),
    "column without values": (
        "csv", ids(default="none"), words("item", ""),
        "column `item` has no value in any sampled example. Name another by `column`",
        ids(column="age"), words("item", ""),
    ),
    "number without values": (
        "parquet", NUMBER, words("age", float("nan")),
        "column `age` has no value in any sampled example. Name another by `column`, "
        "or leave the number out.",
        {}, words("age", float("nan")),
    ),
    "weights without values": (
        "parquet", WEIGHTED, {"w": pa.nulls(ROWS)},
        "column `w` has no value in any sampled example. Name another, or leave "
        "`weights` out.",
        LISTS, {"w": pa.nulls(ROWS)},
    ),
    "dates as ids": (
        "parquet", {}, {"item": pa.array(range(ROWS), pa.int32()).cast(pa.date32())},
        "column `item` holds date32[day] values such as '1970-01-01', expected one "
        "string. Write it as strings.",
        {}, {"item": [f"1970-01-{1 + i}" for i in range(ROWS)]},
    ),
    "dates as numbers": (
        "parquet", NUMBER,
        {"age": pa.array(range(ROWS), pa.int32()).cast(pa.date32())},
        "Write it as numbers, such as seconds since 1970 for a time.",
        NUMBER, {"age": [86400.0 * i for i in range(ROWS)]},
    ),
    "dates of CSV as numbers": (
        "csv", NUMBER, words("age", "2024-09-29", "2024-10-01"),
        "Write dates as numbers, such as seconds since 1970.",
        NUMBER, words("age", 1727568000, 1727740800),
    ),
    "a good value first": (
        "csv", LISTS | ids(dtype="int64", combiner="mean"),
        words("item", "1|2", "x|y", "3|x"),
        "example 2: column `item` holds string values such as 'x', expected any number "
        "of int64 values. Leave out `dtype`.",
        LISTS, words("item", "1|2", "x|y", "3|x"),
    ),
    "ids beyond int64": (
        "csv", ids(dtype="int64", ids="{hash_buckets: 99}"),
        words("item", "17", str(10**19), str(10**19 + 1)),
        "example 2: column `item` holds int values such as '10000000000000000000', "
        "expected one int64, which ends at 9,223,372,036,854,775,807. Leave out "
        "`dtype`, to take ids as strings.",
        ids(ids="{hash_buckets: 99}"),
        words("item", "17", str(10**19), str(10**19 + 1)),
    ),
    "one id beyond int64": (
        "csv", ids(dtype="int64"), words("item", 1, 2, 3, -(2**63) - 1),
        "it holds '-9223372036854775809', and int64 ends at "
        "9,223,372,036,854,775,807. Leave out `dtype`, to take ids as strings.",
        {}, words("item", 1, 2, 3, -(2**63) - 1),
    ),
    "id out of range": (
        "csv", ids(ids="{range: 20}"), words("item", *range(21)),
        "Give `range: 21` or more.",
        ids(ids="{range: 21}"), words("item", *range(21)),
    ),
    "negative id": (
        "csv", ids(ids="{range: 20}"), words("item", -1, 2),
        "Ids start with 0: write others. Or give `out_of_range: oov_rows`.",
        ids(ids="{range: 20, out_of_range: oov_rows}"), words("item", -1, 2),
    ),
    "ids that are no range": (
        "csv", ids(ids="{range: 20}"), words("item", 3, 10**15),
        "give `ids: {hash_buckets: ...}` or `ids: vocabulary`, and `dtype: int64`.",
        ids(ids="{hash_buckets: 20}", dtype="int64"), words("item", 3, 10**15),
    ),
    "blanks as ids": (
        "csv", ids(default="none"), words("item", "a", "  "),
        "20 cells of column `item` hold blanks alone, and each is taken for a value. "
        "Write nothing at all where a value is missing.",
        ids(default="none"), words("item", "a", ""),
    ),
    "lists of one": (
        "csv", LISTS, {},
        "`combiner` is for several; leave it out if there is always one.",
        {}, {},
    ),
    "whole numbers for strings": (
        "parquet", {}, words("item", 3, 5),
        "column `item` holds int64 values such as '3', expected one string. Give "
        "`dtype: int64`.",
        ids(dtype="int64"), words("item", 3, 5),
    ),
    "whole numbers are crossed": (
        "parquet", CROSS, {"other": list(range(ROWS))},
        "Write it as strings, or give a feature of that column its `dtype`.",
        {
            "  item: {table: item}": "  item: {table: item, cross: [item, other]}\n"
            "  other: {table: other, dtype: int64}",
            "  item: {dim: 4}": "  item: {dim: 4}\n  other: {dim: 4}",
        },
        {"other": list(range(ROWS))},
    ),
    "floats are crossed": (
        "parquet", CROSS, {"other": good()["age"]},
        "values such as '20.5', expected one string. Write it as strings.",
        CROSS, {"other": [str(age) for age in good()["age"]]},
    ),
    "strings where ids have a range": (
        "csv", ids(ids="{range: 20}"), {},
        "Give `ids: vocabulary` or `ids: {hash_buckets: ...}`, which take strings.",
        ids(ids="vocabulary"), {},
    ),
    "strings for a number": (
        "csv", NUMBER, words("age", "young", "old"),
        "Make it a feature with `ids: {hash_buckets: ...}`, or write numbers.",
        {
            "  item: {table: item}": "  item: {table: item}\n"
            "  age: {table: age, ids: {hash_buckets: 9}}",
            "  item: {dim: 4}": "  item: {dim: 4}\n  age: {dim: 4}",
        },
        words("age", "young", "old"),
    ),
    "strings for weights": (
        "csv", WEIGHTED, {"w": ["heavy"] * ROWS},
        "column `w` holds string values such as 'heavy', expected any number of float "
        "values. Write numbers there, or name another column.",
        WEIGHTED, {"w": [1.0, 2.0] * (ROWS // 2)},
    ),
    "weights of another length": (
        "csv", WEIGHTED, {"w": ["1|2", "1"] * (ROWS // 2)},
        "Write as many weights as ids, or name another column.",
        WEIGHTED, {"w": ["2", "1"] * (ROWS // 2)},
    ),
    "too few rows": (
        "csv", {"{dim: 4}": "{dim: 4, rows: 5}"}, {},
        "Give it more `rows`, or none, or fewer tokens by `max_tokens` or `min_count`.",
        {"{dim: 4}": "{dim: 4, rows: 8}"}, {},
    ),
    "too few buckets": (
        "csv", ids(ids="{hash_buckets: 2}"), {},
        "Give more, or `ids: vocabulary`; `shardline plan` tells how many share.",
        ids(ids="{hash_buckets: 20}"), {},
    ),
    "too many buckets": (
        "csv", ids(column="age", ids="{quantile_buckets: 50}"), {},
        "Give fewer if the rest of the data is like that.",
        ids(column="age", ids="{quantile_buckets: 5}"), {},
    ),
    "a cut vocabulary": (
        "csv", {"{dim: 4}": "{dim: 4, max_tokens: 3}"}, {},
        "Raise it to give them rows; `shardline plan` tells what is lost.",
        {"{dim: 4}": "{dim: 4, max_tokens: 7}"}, {},
    ),
    "cut sequences": (
        "csv", ids(max_sequence_length="2"), words("item", "a|b|c", "a"),
        "Raise `max_sequence_length` to keep more.",
        ids(max_sequence_length="3"), words("item", "a|b|c", "a"),
    ),
    "lists as one value": (
        "csv", {}, words("item", "a|b", "b|c"),
        "If they are lists, give `combiner` or `max_sequence_length`.",
        LISTS, words("item", "a|b", "b|c"),
    ),
}  # fmt: skip


@pytest.fixture
def checked(tmp_path: Path) -> Callable[..., Report]:
    """Writes data and a configuration, and checks them."""

    def run(form: str, changes: dict[str, str], data: dict[str, Any]) -> Report:
        text = CONFIG.replace("FOLDER", str(tmp_path)).replace("FORMAT", form)
        for old, new in changes.items():
            assert old in text
            text = text.replace(old, new, 1)
        (tmp_path / "remedies.yaml").write_text(text)
        columns = {n: v for n, v in (good() | data).items() if v is not None}
        if form == "parquet":
            pq.write_table(pa.table(columns), tmp_path / "data.parquet")
        else:
            rows = [list(columns), *zip(*columns.values(), strict=True)]
            lines = (
                ",".join(f'"{c}"' if "," in str(c) else str(c) for c in r) for r in rows
            )
            (tmp_path / "data.csv").write_text("".join(f"{line}\n" for line in lines))
        return check(tmp_path / "remedies.yaml", 1000, lambda _: None)

    return run


@pytest.mark.parametrize(
    ("form", "config", "data", "told", "config_after", "data_after"),
    CASES.values(),
    ids=[name.replace(" ", "_") for name in CASES],
)
def test_remedy_helps(
    form: str,
    config: dict[str, str],
    data: dict[str, Any],
    told: str,
    config_after: dict[str, str],
    data_after: dict[str, Any],
    checked: Callable[..., Report],
) -> None:
    before = checked(form, config, data)
    after = checked(form, config_after, data_after)

    (finding,) = [f.text for f in before.findings if told in f.text]
    assert not [f.text for f in after.findings if told in f.text]
    assert not after.faults, finding
