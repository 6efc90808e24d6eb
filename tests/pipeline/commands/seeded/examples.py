"""A good configuration and its examples, and how they are written."""

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
