"""A good configuration and its data, and mistakes in either, each with what is told."""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf

ROWS = 40
TEXT = """\
name: sales
data:
  files:
    format: csv
    splits: {train: train.csv}
    held_out: {eval: {column: day, at_least: 30}}
  path: FOLDER
  label: bought
  example_weight: times
features:
  user: {table: user}
  item: {table: item, ids: {range: 20}}
  tags: {table: tag, combiner: mean, weights: scores}
  recent: {table: tag, column: tags, max_sequence_length: 3}
  shop: {table: shop, dtype: int64, default: 0, ids: {hash_buckets: 9}}
  pair: {table: pair, cross: [user, shop_name], ids: {hash_buckets: 99}}
  band: {table: band, column: price, ids: {quantile_buckets: 4}}
numbers:
  age: {missing: mean, scale: z_score}
  price_scaled: {column: price, log: true}
tables:
  user: {dim: 8, max_tokens: 100}
  item: {dim: 8}
  tag: {dim: 8}
  shop: {dim: 8}
  pair: {dim: 8}
  band: {dim: 8}
"""


def columns() -> dict[str, list[Any]]:
    """Forty good examples; a list for each value of a ragged column."""
    return {
        "user": [f"u{i % 13}" for i in range(ROWS)],
        "item": [i % 20 for i in range(ROWS)],
        "tags": [list("abcd"[: 1 + i % 3]) for i in range(ROWS)],
        "scores": [[0.5 + i] * (1 + i % 3) for i in range(ROWS)],
        "shop": [i % 4 for i in range(ROWS)],
        "shop_name": [f"shop {i % 4}" for i in range(ROWS)],
        "price": [1.5 + i for i in range(ROWS)],
        "age": [20 + i for i in range(ROWS)],
        "day": list(range(ROWS)),
        "bought": [i % 2 for i in range(ROWS)],
        "times": [1.0 + i % 2 for i in range(ROWS)],
    }


def write_csv(folder: Path, values: Mapping[str, list[Any]]) -> None:
    with (folder / "train.csv").open("w", newline="", encoding="latin-1") as file:
        writer = csv.writer(file)
        writer.writerow(values)
        for row in zip(*values.values(), strict=True):
            writer.writerow(
                "|".join(map(str, v)) if isinstance(v, list) else v for v in row
            )


def write_tfrecord(folder: Path, values: Mapping[str, list[Any]]) -> None:
    with tf.io.TFRecordWriter(str(folder / "train.tfrecord")) as writer:
        for row in zip(*values.values(), strict=True):
            example = tf.train.Example()
            for name, value in zip(values, row, strict=True):
                feature = example.features.feature[name]
                for one in value if isinstance(value, list) else [value]:
                    if isinstance(one, str):
                        feature.bytes_list.value.append(one.encode("latin-1"))
                    elif isinstance(one, int):
                        feature.int64_list.value.append(one)
                    elif one is not None:
                        feature.float_list.value.append(one)
            writer.write(example.SerializeToString())


def with_last(name: str, value: Any) -> dict[str, list[Any]]:
    """Returns a column whose last value differs."""
    return {name: [*columns()[name][:-1], value]}


BOTH = ("csv", "tfrecord")
# Changes of the configuration, changes of the data, formats, and of the fault its line,
# who it is about, and a part of what it says and of the remedy.
FAULTS: dict[str, tuple[Any, Any, tuple[str, ...], int, str, str, str]] = {
    # What the file shows by itself.
    "unknown key": (
        {"combiner: mean": "combinr: mean"},
        {},
        ("csv",),
        13,
        "unknown key",
        "`combinr`",
        "did you mean `combiner`",
    ),
    "sequence with a combiner": (
        {"max_sequence_length: 3": "max_sequence_length: 3, combiner: sum"},
        {},
        ("csv",),
        14,
        "`features.recent`",
        "a sequence is not pooled",
        "give `combiner` or `max_sequence_length`",
    ),
    "two combiners on a table": (
        {"max_sequence_length: 3": "combiner: sum"},
        {},
        ("csv",),
        24,
        "table `tag`",
        "its features ask for mean and sum",
        "use two tables",
    ),
    "id spaces of two features differ": (
        {"recent: {table: tag": "recent: {ids: {hash_buckets: 5}, table: tag"},
        {},
        ("csv",),
        14,
        "feature `recent`",
        "its ids (hash_buckets: 5 of string) are not those of feature `tags`",
        "use two tables",
    ),
    "ids need more rows than the table has": (
        {"item: {dim: 8}": "item: {dim: 8, rows: 10}"},
        {},
        ("csv",),
        23,
        "table `item`",
        "its ids need 20 rows, `rows` is 10",
        "give it more",
    ),
    "reserved name": (
        {"  user: {table: user}": "  scores: {table: user}"},
        {},
        ("csv",),
        11,
        "feature `scores`",
        "has a name that has another meaning here",
        "rename it, and give `column: scores`",
    ),
    "label among the features": (
        {"column: price, ids": "column: bought, ids"},
        {},
        ("csv",),
        17,
        "feature `band`",
        "reads the label's column",
        "give away what is to be predicted",
    ),
    "unknown table": (
        {"{table: user}": "{table: usr}"},
        {},
        ("csv",),
        11,
        "feature `user`",
        "table `usr` is not among the tables",
        "(band, item, pair, shop, tag, user)",
    ),
    "dtype that ids do not take": (
        {"ids: {range: 20}": "ids: {range: 20}, dtype: string"},
        {},
        ("csv",),
        12,
        "`features.item`",
        "`dtype: string` does not fit `ids: range: 20`",
        "needs int64",
    ),
    # What only data show: columns.
    "feature's column is absent": (
        {"{table: user}": "{table: user, column: usr}"},
        {},
        BOTH,
        11,
        "feature `user`",
        "column `usr` is not in the sample",
        "Did you mean `user`?",
    ),
    "number's column is absent": (
        {},
        {"age": None},
        BOTH,
        19,
        "number `age`",
        "column `age` is not in the sample",
        "It has bought, day, item, price,",
    ),
    "weights are absent": (
        {"weights: scores": "weights: wts"},
        {},
        BOTH,
        13,
        "feature `tags`",
        "column `wts` is not in the sample",
        "It has age, bought,",
    ),
    "crossed column is absent": (
        {"[user, shop_name]": "[user, shopname]"},
        {},
        BOTH,
        16,
        "feature `pair`",
        "column `shopname` is not in the sample",
        "Did you mean `shop_name`?",
    ),
    "label is absent": (
        {"label: bought": "label: bougt"},
        {},
        BOTH,
        8,
        "label",
        "column `bougt` is not in the sample",
        "Did you mean `bought`?",
    ),
    "example weight is absent": (
        {"example_weight: times": "example_weight: tims"},
        {},
        BOTH,
        9,
        "example_weight",
        "column `tims` is not in the sample",
        "Did you mean `times`?",
    ),
    "held-out column is absent": (
        {"column: day": "column: date"},
        {},
        BOTH,
        6,
        "split `eval`",
        "column `date` is not in the sample",
        "It has age, bought,",
    ),
    # Types.
    "whole numbers for strings": (
        {},
        {"user": list(range(ROWS))},
        ("tfrecord",),
        11,
        "feature `user`",
        "column `user` holds int64 values such as '0', expected one string",
        "Give `dtype: int64`.",
    ),
    "strings for whole numbers": (
        {},
        {"item": [f"i{i}" for i in range(ROWS)]},
        BOTH,
        12,
        "feature `item`",
        "column `item` holds string values such as 'i0', expected one int64",
        "Give `ids: vocabulary` or `ids: {hash_buckets: ...}`",
    ),
    "dtype int64 of strings": (
        {},
        {"shop": [f"s{i}" for i in range(ROWS)]},
        BOTH,
        15,
        "feature `shop`",
        "column `shop` holds string values",
        "Leave out `dtype`.",
    ),
    "floats for ids": (
        {},
        {"item": [0.5 + i for i in range(ROWS)]},
        BOTH,
        12,
        "feature `item`",
        "column `item` holds float values such as '0.5', expected one int64",
        "Give `ids: {quantile_buckets: ...}`",
    ),
    "number is text": (
        {},
        {"age": ["young"] * ROWS},
        BOTH,
        19,
        "number `age`",
        "column `age` holds string values such as 'young'",
        "Make it a feature with `ids: {hash_buckets: ...}`",
    ),
    "weights are text": (
        {},
        {"scores": [["a"] * (1 + i % 3) for i in range(ROWS)]},
        BOTH,
        13,
        "feature `tags`",
        "column `scores` holds string values",
        "Write numbers there, or name another column.",
    ),
    "label is text": (
        {},
        {"bought": ["yes"] * ROWS},
        BOTH,
        8,
        "label",
        "column `bought` holds string values such as 'yes'",
        "Write 1 for `yes` and 0 for all others.",
    ),
    "whole numbers where strings are crossed": (
        {},
        {"shop_name": list(range(ROWS))},
        ("tfrecord",),
        16,
        "feature `pair`",
        "column `shop_name` holds int64 values",
        "Write it as strings",
    ),
    # Rows.
    "several values where one is expected": (
        {},
        {"user": [["u1", "u2"]] * ROWS},
        ("tfrecord",),
        11,
        "feature `user`",
        "40 of 40 sampled examples cannot be used",
        "Give the feature `combiner` or `max_sequence_length`",
    ),
    "missing value": (
        {},
        with_last("item", ""),
        ("csv",),
        12,
        "feature `item`",
        "1 of 40 sampled examples cannot be used",
        "Give the feature a `default`",
    ),
    "missing value of tf.Examples": (
        {},
        with_last("item", []),
        ("tfrecord",),
        12,
        "feature `item`",
        "example 40: column `item` has no value",
        "Give the feature a `default`",
    ),
    "not a number": (
        {},
        with_last("price", float("nan")),
        BOTH,
        20,
        "number `price_scaled`",
        "example 40: column `price` has no number: it holds NaN",
        "Give the number `missing`",
    ),
    "number that is never there": (
        {},
        {"age": [""] * ROWS},
        ("csv",),
        19,
        "number `age`",
        "column `age` has no value in any sampled example",
        "Name another by `column`, or leave the number out.",
    ),
    "one cell that is no number": (
        {},
        with_last("price", "n/a"),
        ("csv",),
        20,
        "number `price_scaled`",
        "column `price` does not hold one float: it holds 'n/a'",
        "Write numbers.",
    ),
    "not UTF-8": (
        {},
        with_last("user", "f\xfcnf"),
        BOTH,
        11,
        "feature `user`",
        "column `user` does not hold strings in UTF-8: it holds 'f\\xfcnf'",
        "Write strings in UTF-8.",
    ),
    "weights of another length": (
        {},
        with_last("scores", [0.1, 0.2, 0.3]),
        BOTH,
        13,
        "feature `tags`",
        "example 40 has 3 weights in column `scores` for 1 ids in column `tags`",
        "Write as many weights as ids",
    ),
    "id out of range": (
        {},
        with_last("item", 20),
        BOTH,
        12,
        "feature `item`",
        "column `item` holds ids from 0 to 20, and `range: 20` allows 0 to 19",
        "Give `range: 21` or more. Or give `out_of_range: oov_rows`.",
    ),
    "negative id": (
        {},
        with_last("item", -1),
        BOTH,
        12,
        "feature `item`",
        "column `item` holds ids from -1 to 19",
        "Ids start with 0: write others.",
    ),
    "label of stars": (
        {},
        {"bought": [1 + i % 5 for i in range(ROWS)]},
        BOTH,
        8,
        "label",
        "column `bought` holds 2, 3, 4 ... beside 0 and 1",
        "Give `data.files.positive_from`",
    ),
    # Tables, files, splits.
    "vocabulary larger than the table": (
        {"max_tokens: 100": "rows: 10"},
        {},
        BOTH,
        22,
        "table `user`",
        "the sample alone has 13 tokens, which with `oov_rows: 1` need 14 rows",
        "Give it more `rows`, or none, or fewer tokens by `max_tokens`",
    ),
    "no file of the pattern": (
        {"train: train.csv": "train: day.csv"},
        {},
        ("csv",),
        5,
        "split `train`",
        "no file matches `day.csv`",
        "Correct `data.files.splits` or `data.path`.",
    ),
    "another format": (
        {"format: csv": "format: parquet"},
        {},
        ("csv",),
        5,
        "split `train`",
        "train.csv: ",
        "Write",
    ),
    "nothing at the path": (
        {"path: ": "path: /absent"},
        {},
        ("csv",),
        7,
        "data",
        "there is no file or folder /absent",
        "Correct `path`, which starts at the current folder.",
    ),
    "text where a split asks for a number": (
        {},
        {"day": ["monday"] * ROWS},
        ("csv",),
        6,
        "split `eval`",
        "column `day` does not hold the number that split `eval` asks for",
        "Correct it, or `data.files.held_out.eval`.",
    ),
    "split without examples": (
        {"at_least: 30": "at_least: 3000"},
        {},
        BOTH,
        6,
        "split `eval`",
        "no sampled example is in it: column `day` goes from 0 to 39, and `at_least` "
        "is 3000",
        "Correct its rule: the sample is all there is.",
    ),
    "split that takes all": (
        {"at_least: 30": "at_least: 0"},
        {},
        BOTH,
        6,
        "split `eval`",
        "it takes all 40 sampled examples, and leaves none for `train`: column `day` "
        "goes from 0 to 39, and `at_least` is 0",
        "Correct its rule",
    ),
    "splits that together take all": (
        {
            "{eval: ": "{late: {column: day, at_least: 7}, eval: ",
            "at_least: 30": "at_least: 0",
        },
        {},
        BOTH,
        6,
        "split `eval`",
        "it takes, with those before it, all 40 sampled examples, and leaves none",
        "Correct its rule",
    ),
    "seconds against milliseconds": (
        {"at_least: 30": "at_least: 1700000000"},
        {"day": [1_699_000_000_000 + 10**8 * i for i in range(ROWS)]},
        BOTH,
        6,
        "split `eval`",
        "it takes all 40 sampled examples",
        "`at_least` looks like seconds since 1970, and the column like milliseconds: "
        "give `at_least: 1700000000000`.",
    ),
    "milliseconds against seconds": (
        {"at_least: 30": "at_least: 1700000000000"},
        {"day": [1_699_000_000 + 10**5 * i for i in range(ROWS)]},
        BOTH,
        6,
        "split `eval`",
        "no sampled example is in it",
        "`at_least` looks like milliseconds since 1970, and the column like seconds: "
        "give `at_least: 1700000000`.",
    ),
    "dates that are not written as the boundary": (
        {"at_least: 30": 'at_least: "2024-09-30"'},
        {"day": [f"2024-9-{1 + i % 30}" for i in range(ROWS)]},
        BOTH,
        6,
        "split `eval`",
        "40 of 40 sampled examples cannot be used",
        "Dates and times are written as 2024-09-30",
    ),
    "text with other digits than the boundary": (
        {"at_least: 30": "at_least: day 9"},
        {"day": [f"day {i}" for i in range(ROWS)]},
        BOTH,
        6,
        "split `eval`",
        "30 of 40 sampled examples cannot be used",
        "it holds 'day 10'. Correct it, or `data.files.held_out.eval`. Text is "
        "compared by single characters, where 10 comes before 9",
    ),
    "boundary that is no ISO date": (
        {"at_least: 30": 'at_least: "30/09/2024"'},
        {},
        ("csv",),
        6,
        "`data.files.held_out.eval.at_least`: looks like a date or time",
        "not in the order of time",
        'write both the boundary and the column as "2024-09-30"',
    ),
    "time against whole numbers": (
        {"at_least: 30": 'at_least: "2024-09-30"'},
        {},
        ("tfrecord",),
        6,
        "split `eval`",
        "its column `day` holds int64, and `data.files.held_out.eval.at_least` is the "
        "date or time '2024-09-30'",
        "such as 1727654400 if the column counts seconds since 1970",
    ),
}

# As FAULTS: what is odd and yet no fault.
HINTS: dict[str, tuple[Any, Any, int, str, str]] = {
    "sequences are cut": (
        {"max_sequence_length: 3": "max_sequence_length: 2"},
        {},
        14,
        "feature `recent`",
        "32% of the sampled examples have more than 2 values",
    ),
    "lists of one": (
        {"combiner: mean, weights: scores": "combiner: mean, column: day_name"},
        {"day_name": ["mon", "tue"] * (ROWS // 2)},
        13,
        "feature `tags`",
        "no sampled example has more than one value in column `day_name`",
    ),
    "column of one value": (
        {},
        {"times": [1.0] * ROWS},
        9,
        "example_weight",
        "column `times` is '1.0' in all sampled examples",
    ),
    "labels of one value": (
        {"  path:": "    positive_from: 3\n  path:"},
        {},
        9,
        "label",
        "all sampled labels become 0 by `positive_from: 3`",
    ),
    "vocabulary is cut": (
        {"max_tokens: 100": "max_tokens: 3"},
        {},
        22,
        "table `user`",
        "the sample alone has 13 tokens for `max_tokens: 3`",
    ),
    "few hash buckets": (
        {"{hash_buckets: 9}": "{hash_buckets: 2}"},
        {},
        25,
        "table `shop`",
        "the sample alone has 4 distinct tokens for `hash_buckets: 2`",
    ),
    "many quantiles": (
        {"quantile_buckets: 4": "quantile_buckets: 50"},
        {},
        27,
        "table `band`",
        "the sample has 40 distinct values for `quantile_buckets: 50`",
    ),
    "separators in a single value": (
        {},
        {"shop_name": [f"a|{i}" for i in range(ROWS)]},
        16,
        "feature `pair`",
        "most cells of column `shop_name` hold `|`",
    ),
}
