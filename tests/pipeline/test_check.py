"""Seeded mistakes, each told with its line, its feature and what to do about it."""

import csv
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from typer.testing import CliRunner, Result

from pipeline.cli import app

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


@pytest.fixture
def check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[Path, Result]]:
    """Writes data and a configuration, and checks them by the command."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")

    def run(
        form: str = "csv",
        changes: Mapping[str, str] | None = None,
        data: Mapping[str, Any] | None = None,
        *options: str,
    ) -> tuple[Path, Result]:
        text = TEXT.replace("FOLDER", str(tmp_path))
        for old, new in (changes or {}).items():
            assert text.count(old) >= 1, old
            text = text.replace(old, new, 1)
        values = {**columns(), **(data or {})}
        values = {name: value for name, value in values.items() if value is not None}
        if form == "tfrecord":
            text = text.replace("format: csv", "format: tfrecord")
            text = text.replace("train.csv", "train.tfrecord")
            write_tfrecord(tmp_path, values)
        else:
            write_csv(tmp_path, values)
        config = tmp_path / "sales.yaml"
        config.write_text(text)
        return config, CliRunner().invoke(app, ["check", str(config), *options])

    return run


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
        "Write 0 and 1, or numbers and `data.files.positive_from`.",
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
        5,
        "split `train`",
        "column `day` does not hold the number that split `eval` asks for",
        "Correct it, or `data.files.held_out.eval`.",
    ),
}
CASES = [
    pytest.param(form, *fault[:2], *fault[3:], id=f"{name}-{form}".replace(" ", "_"))
    for name, fault in FAULTS.items()
    for form in fault[2]
]


@pytest.mark.parametrize(
    ("form", "changes", "data", "line", "who", "fact", "remedy"), CASES
)
def test_seeded_mistake_is_told_with_its_line_and_remedy(
    check: Callable[..., tuple[Path, Result]],
    form: str,
    changes: dict[str, str],
    data: dict[str, Any],
    line: int,
    who: str,
    fact: str,
    remedy: str,
) -> None:
    config, result = check(form, changes, data)

    assert result.exit_code == 1, result.output
    start = f"{config}:{line}: {who}"
    told = [text for text in result.output.splitlines() if text.startswith(start)]
    assert told, result.output
    assert any(fact in text and remedy in text for text in told), told


def test_there_are_at_least_twenty_kinds_of_mistakes() -> None:
    assert len(FAULTS) >= 24


@pytest.mark.parametrize("form", BOTH)
def test_good_configuration_has_no_fault(
    check: Callable[..., tuple[Path, Result]], form: str
) -> None:
    _, result = check(form)

    assert result.exit_code == 0, result.output
    assert "11 columns fit, 40 examples sampled" in result.output
    assert "hint" not in result.output
    assert "fault" not in result.output


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
    "split without examples": (
        {"at_least: 30": "at_least: 3000"},
        {},
        6,
        "split `eval`",
        "no sampled example is in it",
    ),
    "number that is never there": (
        {},
        {"age": [""] * ROWS},
        19,
        "number `age`",
        "column `age` has no value in any sampled example",
    ),
}


@pytest.mark.parametrize(
    ("changes", "data", "line", "who", "fact"), HINTS.values(), ids=list(HINTS)
)
def test_oddity_is_a_hint_and_no_fault(
    check: Callable[..., tuple[Path, Result]],
    changes: dict[str, str],
    data: dict[str, Any],
    line: int,
    who: str,
    fact: str,
) -> None:
    config, result = check("csv", changes, data)

    assert result.exit_code == 0, result.output
    start = f"hint {config}:{line}: {who}: {fact}"
    assert any(text.startswith(start) for text in result.output.splitlines())


def test_bad_rows_that_are_skipped_are_hints(
    check: Callable[..., tuple[Path, Result]],
) -> None:
    config, result = check(
        "csv",
        {"format: csv": "format: csv\n    on_bad_example: skip"},
        with_last("price", "n/a") | with_last("scores", [0.1] * 9),
    )

    assert result.exit_code == 0, result.output
    assert f"hint {config}:21: number `price_scaled`: 1 of 40" in result.output
    assert f"hint {config}:14: feature `tags`: 1 of 40" in result.output


def test_several_faults_come_at_once_in_the_order_of_lines(
    check: Callable[..., tuple[Path, Result]],
) -> None:
    config, result = check(
        "csv",
        {"{table: user}": "{table: user, column: usr}"},
        {"item": ["x"] * ROWS, **with_last("price", ""), **with_last("scores", [])},
    )

    lines = [t for t in result.output.splitlines() if t.startswith(f"{config}:")]
    numbers = [int(text.split(":")[1]) for text in lines]
    assert numbers == [11, 12, 13, 17, 20]
    assert f"{len(lines)} faults" in result.output
    assert "The preprocessing was not tried, for there are faults." in result.output


def test_findings_come_as_json(check: Callable[..., tuple[Path, Result]]) -> None:
    _, result = check("csv", {}, with_last("item", 25), "--json", "--rows=40")

    told = json.loads(result.stdout)

    assert result.exit_code == 1
    assert told["rows"] == ROWS
    assert told["verdict"] == "1 fault"
    (fault,) = told["faults"]
    assert fault["line"] == 12
    assert fault["place"] == "features.item.ids.range"
    assert fault["column"] == "item"
    by_name = {column["name"]: column for column in told["columns"]}
    assert by_name["item"]["found"] == "int64"
    assert by_name["item"]["distinct"] == 21
    assert by_name["tags"]["values_a_row"] == [2, 3]
    assert by_name["tags"]["users"] == ["feature `tags`", "feature `recent`"]


def test_only_so_many_rows_are_sampled(
    check: Callable[..., tuple[Path, Result]],
) -> None:
    _, result = check("csv", {}, with_last("item", 25), "--rows=12")

    assert "12 examples sampled" in result.output


def test_another_split_that_lacks_a_column_is_a_fault(
    check: Callable[..., tuple[Path, Result]], tmp_path: Path
) -> None:
    (tmp_path / "late.csv").write_text("user,item\nu1,3\n")

    config, result = check(
        "csv", {"train: train.csv": "train: train.csv, late: late.csv"}
    )

    assert result.exit_code == 1
    assert f"{config}:5: split `late`: {tmp_path}/late.csv: its header" in result.output


def test_reader_is_checked_by_its_declared_columns(
    small_config: Callable[..., Path],
) -> None:
    config = small_config(user_id="{table: user, column: usr}")

    result = CliRunner().invoke(app, ["check", str(config)])

    assert result.exit_code == 1
    lines = config.read_text().splitlines()
    line = next(n for n, text in enumerate(lines, 1) if "column: usr" in text)
    start = f"{config}:{line}: feature `user_id`: column `usr` is not among"
    assert any(text.startswith(start) for text in result.output.splitlines())
    assert "No sample was taken" in result.output


def test_model_that_cannot_be_made_is_a_fault(
    check: Callable[..., tuple[Path, Result]],
) -> None:
    more = (
        "  band: {dim: 8}\nmodel: {options: {droput: 1}}\n"
        "training: {batch_size: 4, steps: 1}\nevaluation: {min_auc: 0.5}\n"
    )
    config, result = check("csv", {"  band: {dim: 8}\n": more})

    assert result.exit_code == 1
    assert f"{config}:28: model: `components.dlrm.DLRM` does not take" in result.output


OWN = """
import tensorflow as tf
import tensorflow_transform as tft

def made(columns):
    return {"letters": tf.strings.bytes_split(columns["user"]),
            "share": columns["price"] / tft.max(columns["price"])}
"""
DERIVED = {
    "features:": "derived:\n  function: own_columns.made\n"
    "  inputs: {user: {dtype: string}, price: {dtype: float}}\n"
    "  outputs: {letters: {dtype: string, ragged: true}, share: {dtype: float}}\n"
    "features:\n  letters: {table: letter, combiner: mean}",
    "numbers:": "numbers:\n  share: {}",
    "tables:": "tables:\n  letter: {dim: 8}",
}


@pytest.fixture
def own_columns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], None]]:
    """Writes a module with a function of one's own."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(text: str) -> None:
        (tmp_path / "own_columns.py").write_text(text)

    yield write
    sys.modules.pop("own_columns", None)


def test_package_that_cannot_be_had_is_a_fault(
    check: Callable[..., tuple[Path, Result]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    download = "download: {requirement: absent_package==1.0, sha256: " + "0a" * 32
    config, result = check("csv", {"path: ": f"{download}}}\n  # "})

    assert result.exit_code == 1
    told = f"{config}:7: data: Could not download absent_package==1.0"
    assert any(text.startswith(told) for text in result.output.splitlines())


def test_columns_of_ones_own_function_are_proved(
    check: Callable[..., tuple[Path, Result]], own_columns: Callable[[str], None]
) -> None:
    own_columns(OWN)

    _, result = check("csv", DERIVED)

    assert result.exit_code == 0, result.output
    assert "columns fit, 40 examples sampled" in result.output


@pytest.mark.parametrize(
    ("own", "line", "told"),
    [
        ("", 11, "derived.function: `own_columns.made` cannot be imported"),
        (
            OWN.replace('"letters"', '"words"'),
            10,
            "derived: the sample cannot be transformed: ValueError: `own_columns.made` "
            "gives `share` (one float), `words` (any number of string values)",
        ),
        (
            OWN.replace("tf.strings.bytes_split", "undefined_here"),
            10,
            "derived: the sample cannot be transformed: NameError: name "
            "'undefined_here' is not defined",
        ),
    ],
    ids=["absent", "other columns", "broken"],
)
def test_faulty_function_of_ones_own_is_told(
    check: Callable[..., tuple[Path, Result]],
    own_columns: Callable[[str], None],
    own: str,
    line: int,
    told: str,
) -> None:
    own_columns(own)

    config, result = check("csv", DERIVED)

    assert result.exit_code == 1
    start = f"{config}:{line}: {told}"
    assert any(t.startswith(start) for t in result.output.splitlines()), result.output


def test_faults_of_the_file_itself_come_as_json(
    check: Callable[..., tuple[Path, Result]],
) -> None:
    config, result = check("csv", {"combiner: mean": "combinr: mean"}, {}, "--json")

    told = json.loads(result.stdout)

    assert result.exit_code == 1
    assert [fault["line"] for fault in told["faults"]] == [13]
    assert told["faults"][0]["text"].startswith(f"{config}:13: unknown key `combinr`")
    assert told["verdict"] == "1 fault"


def test_static_faults_are_told_before_anything_slow_is_imported(
    tmp_path: Path,
) -> None:
    config = tmp_path / "sales.yaml"
    config.write_text(TEXT.replace("combiner: mean", "combinr: mean"))
    code = (
        "import sys\n"
        "from typer.testing import CliRunner\n"
        "from pipeline.cli import app\n"
        f"result = CliRunner().invoke(app, ['check', {str(config)!r}])\n"
        "print(result.exit_code, *sys.modules.keys() & "
        "{'tensorflow', 'tfx', 'apache_beam', 'pyarrow'})"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert done.stdout.split() == ["1"]
