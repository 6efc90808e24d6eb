"""Rules between features, numbers, tables and data, each with its line and remedy."""

from collections.abc import Callable
from pathlib import Path

import pytest

from shardline.configs import ConfigError, load_job

TEXT = """\
name: tiny
data:
  files: {format: csv, splits: {train: a.csv}}
  path: data
features:
  user: {table: user}
  tags: {table: tag, combiner: mean}
  hour: {table: hour, dtype: int64, ids: {range: 24}}
  pair: {table: pair, cross: [user, city], ids: {hash_buckets: 50}}
numbers:
  age: {scale: z_score}
tables:
  user: {dim: 4}
  tag: {dim: 4}
  hour: {dim: 4}
  pair: {dim: 4}
"""

# Text to replace, its replacement, and the line and the message of the fault.
FAULTS = {
    "column_of_two_kinds": (
        "age: {scale",
        "age: {column: tags, scale",
        "11: number `age`: column `tags` holds one float here, and any number of "
        "string values for feature `tags`",
    ),
    "ids_of_two_kinds": (
        "  hour: {table: hour,",
        "  hour: {table: user,",
        "8: feature `hour`: its ids (range: 24 of int64) are not those of feature "
        "`user` (vocabulary of string) on table `user`",
    ),
    "number_named_as_a_feature": (
        "  age: {",
        "  user: {column: age, ",
        "11: number `user` has the name of a feature",
    ),
    "reserved_name": (
        "  user: {table: user}",
        "  scores: {table: user}",
        "6: feature `scores` has a name that has another meaning here",
    ),
    "reserved_label": (
        "  path: data",
        "  path: data\n  label: example_weight",
        "2: data: `label: example_weight` is a name that has another meaning here",
    ),
    "label_that_is_read": (
        "  path: data",
        "  path: data\n  label: city",
        "10: feature `pair` reads the label's column `city`",
    ),
    "label_as_weight": (
        "  path: data",
        "  path: data\n  example_weight: label",
        "2: data: `example_weight` is the label's column",
    ),
    "cross_with_a_combiner": (
        "cross: [user, city],",
        "cross: [user, city], combiner: sum,",
        "9: feature `pair`: it crosses one string with one string; leave out",
    ),
    "cross_of_lists_without_a_combiner": (
        "cross: [user, city],",
        "cross: [user, tags],",
        "9: feature `pair`: it crosses one string with any number of string values; ",
    ),
    "cross_of_floats": (
        "cross: [user, city],",
        "cross: [user, age],",
        "9: feature `pair`: floats, as in column `age`, do not cross",
    ),
    "crossed_column_with_a_default": (
        "  user: {table: user}",
        "  user: {table: user, default: none}",
        "6: feature `user`: what stands in for a missing value has no meaning, for "
        "feature `pair` crosses its column",
    ),
    "default_of_a_pair": (
        "cross: [user, city],",
        "cross: [user, city], default: none,",
        "9: feature `pair`: a pair is never missing; leave out `default`",
    ),
    "default_out_of_range": (
        "ids: {range: 24}",
        "ids: {range: 24}, default: 24",
        "8: `features.hour`: `default: 24` is not in `range: 24`",
    ),
    "default_of_another_type": (
        "  user: {table: user}",
        "  user: {table: user, default: 3}",
        "6: `features.user`: `default: 3` is no string",
    ),
    "rows_too_few": (
        "  hour: {dim: 4}",
        "  hour: {dim: 4, rows: 20}",
        "15: table `hour`: its ids need 24 rows, `rows` is 20",
    ),
    "key_without_meaning": (
        "  pair: {dim: 4}",
        "  pair: {dim: 4, min_count: 3}",
        "16: table `pair`: `min_count` has no meaning for `ids: hash_buckets: 50`",
    ),
    "no_bucket": (
        "ids: {range: 24}",
        "ids: {quantile_buckets: 0}",
        "8: `features.hour.ids.quantile_buckets`: Input should be greater than 0",
    ),
    "two_kinds_of_ids": (
        "ids: {range: 24}",
        "ids: {range: 24, hash_buckets: 5}",
        "8: `features.hour.ids`: give at most one of `hash_buckets`, `range`",
    ),
    "unknown_kind_of_ids": (
        "ids: {range: 24}",
        "ids: vocab",
        "8: `features.hour.ids`: must be `vocabulary` or a mapping",
    ),
    "salt_without_hash": (
        "ids: {range: 24}",
        "ids: {range: 24, salt: x}",
        "8: `features.hour.ids`: `salt` needs `hash_buckets`",
    ),
    "missing_that_is_no_number": (
        "age: {scale",
        "age: {missing: .nan, scale",
        "11: `numbers.age.missing",
    ),
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
    "date_without_quotes": (
        "splits: {train: a.csv}",
        "splits: {train: a.csv}, held_out: {eval: {column: day, at_least: 2026-01-02}}",
        "3: `data.files.held_out.eval.at_least`: put the date between quotes",
    ),
    "precision_of_no_table": (
        "numbers:\n",
        "serving: {tables: {hours: int8}}\nnumbers:\n",
        "10: serving.tables: `hours` is not among the tables",
    ),
    "unknown_precision": (
        "numbers:\n",
        "serving: {tables: {hour: int4}}\nnumbers:\n",
        "10: `serving.tables`: must be `float32`, `float16`, `int8` or `auto`",
    ),
    "unknown_precision_of_all": (
        "numbers:\n",
        "serving: {tables: [int8]}\nnumbers:\n",
        "10: `serving.tables`: must be `float32`, `float16`, `int8` or `auto`",
    ),
    "unknown_policy": (
        "  pair: {dim: 4}",
        "  pair: {dim: 4, policy: ignore}",
        "16: `tables.pair.policy`: Input should be 'error', 'drop' or 'oov_row'",
    ),
    "quantization_without_levels": (
        "  pair: {dim: 4}",
        "  pair: {dim: 4, quantization: {buckets: 1, lower: -1, upper: 1}}",
        "16: `tables.pair.quantization`: needs `lower` below `upper`, and 2 or more",
    ),
    "derived_twice": (
        "numbers:\n",
        "derived: {function: a.b, inputs: {x: {dtype: string}}, outputs: {x: {dtype: "
        "string}}}\nnumbers:\n",
        "10: `derived`: `x` is in `inputs` and in `outputs`",
    ),
}


@pytest.mark.parametrize(("old", "new", "message"), FAULTS.values(), ids=list(FAULTS))
def test_fault_is_told_with_its_line(
    write: Callable[[str], Path], old: str, new: str, message: str
) -> None:
    assert TEXT.count(old) >= 1
    path = write(TEXT.replace(old, new, 1))

    with pytest.raises(ConfigError) as raised:
        load_job(path)

    told = str(raised.value).splitlines()
    assert any(fault.startswith(f"{path}:{message}") for fault in told), told


def test_configuration_that_need_not_train_has_no_fault(
    write: Callable[[str], Path],
) -> None:
    job = load_job(write(TEXT))

    assert job.training is None
    assert job.ids_of("pair").kind == "hash"


def test_columns_that_the_model_would_call_alike_are_refused(
    write: Callable[[str], Path],
) -> None:
    text = TEXT.replace("  age: {", "  age: {column: tags_values, ")

    with pytest.raises(ConfigError, match="input `tags_values` for column `tags"):
        load_job(write(text))


def test_columns_without_a_letter_of_ascii_are_refused_with_what_to_do(
    write: Callable[[str], Path],
) -> None:
    text = TEXT.replace("  age: {", "  age: {column: \u7528\u6237, ")
    text = text.replace("  hour: {table", "  hour: {column: \u7269\u54c1, table")

    with pytest.raises(
        ConfigError,
        match="would call an input `__` for column `\u7528\u6237` and for column "
        "`\u7269\u54c1`, as all but ASCII letters, digits and `_` becomes `_`; rename "
        "one of the two in the data",
    ):
        load_job(write(text))


@pytest.mark.parametrize(
    ("feature", "given"),
    [
        ("tags_values: {table: user}", "tags_values"),
        ("tags_row_splits: {table: user}", "tags_row_splits"),
        ("tags_weights: {table: user}", "tags_weights"),
    ],
)
def test_features_that_lookup_would_call_alike_are_refused(
    write: Callable[[str], Path], feature: str, given: str
) -> None:
    text = TEXT.replace("combiner: mean}", "combiner: mean, weights: scores_of_tags}")
    text = text.replace("  hour: {table: hour,", f"  {feature}\n  hour: {{table: hour,")

    with pytest.raises(
        ConfigError,
        match=f"feature `{given}`: the published model's `lookup` would call an input "
        f"`{given}` for it and for feature `tags`; rename one of the two",
    ):
        load_job(write(text))


def test_feature_called_weights_beside_one_without_weights_is_no_fault(
    write: Callable[[str], Path],
) -> None:
    text = TEXT.replace(
        "  hour: {table: hour,", "  tags_weights: {table: user}\n  hour: {table: hour,"
    )

    assert "tags_weights" in load_job(write(text)).features
