"""Examples joined to side files: equal to a left join of pandas, whatever the form."""

import dataclasses
import math
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from shardline_tests import load

from shardline.components.readers.files import (
    BadInput,
    BadInputError,
    Unit,
    read_unit,
)
from shardline.components.readers.files.formats.csv import text as csv_text
from shardline.configs.column import Column

reading = load(Path(__file__).with_name("reading.py"))

FORMATS = ["csv", "parquet", "tfrecord"]
COLUMNS = {
    "n": Column("int64"),
    "title": Column("string", optional=True),
    "year": Column("int64", optional=True),
    "price": Column("float", optional=True),
    "tags": Column("string", ragged=True),
}
TEXT_KEYS = ["0012", "a b", "ü-1", "x;y", "日本", "1e3", "7.5.1", "O'Neil", "true"]


def _keys(rng: random.Random, kind: str) -> list[Any]:
    if kind == "text":
        return rng.sample(TEXT_KEYS, rng.randrange(1, len(TEXT_KEYS)))
    # Floats of 32 bits, which tf.Examples have, hold no more digits.
    digits = rng.choice([1, 3, 7 if kind == "float" else 12])
    whole = rng.sample(range(-5, 10**digits), rng.randrange(1, 12))
    return [float(key) for key in whole] if kind == "float" else whole


def _side_rows(rng: random.Random, keys: list[Any]) -> list[dict[str, Any]]:
    return [
        {
            "id": key,
            "name": rng.choice(["A film", "Ünïcode", None]),
            "year": rng.choice([1999, 2026, None]),
            "price": rng.choice([0.5, 17.25, None]),
            "tags": rng.sample(["x", "y", "z"], rng.randrange(4)),
            "unread": "never",
        }
        for key in keys
    ]


def _plain(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows as Python has them: single values, text decoded, None where missing."""
    plain = []
    for row in rows:
        values = {}
        for name, held in row.items():
            texts = [v.decode() if isinstance(v, bytes) else v for v in held]
            texts = [v for v in texts if not (isinstance(v, float) and math.isnan(v))]
            is_ragged = COLUMNS[name].ragged
            values[name] = texts if is_ragged else (texts[0] if texts else None)
        plain.append(values)
    return plain


def _expected(
    examples: list[dict[str, Any]], side: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    left = pd.DataFrame(examples, dtype=object)
    right = pd.DataFrame(side, dtype=object)
    # Keys compare as text, of which whole numbers have one.
    for frame, key in ((left, "item"), (right, "id")):
        frame["_key"] = [
            None if k is None else str(int(k) if isinstance(k, float) else k)
            for k in frame[key]
        ]
    with_key = left[left["_key"].notna()].merge(
        right, on="_key", how="left", validate="many_to_one"
    )
    without = left[left["_key"].isna()]
    both = pd.concat([with_key, without]).sort_values("n")
    rows = []
    for row in both.to_dict("records"):
        values = {
            "n": row["n"],
            "title": row.get("name"),
            "year": row.get("year"),
            "price": row.get("price"),
            "tags": row.get("tags"),
        }
        is_missing = {k: v is None or v is np.nan for k, v in values.items()}
        rows.append(
            {
                k: ([] if k == "tags" else None) if is_missing[k] else v
                for k, v in values.items()
            }
        )
    return rows


@pytest.mark.parametrize("seed", range(200))
def test_a_join_equals_that_of_pandas(
    seed: int, tmp_path: Path, write: Callable[..., str]
) -> None:
    rng = random.Random(seed)
    of_examples, of_side = rng.choice(FORMATS), rng.choice(FORMATS)
    kind = rng.choice(["text", "int", "float"])
    keys = _keys(rng, kind)
    side = _side_rows(rng, keys)
    others = ["no such"] if kind == "text" else [123456]
    if kind == "float" and rng.random() < 0.5:
        keys, others = [int(key) for key in keys], [99]
    # A key is of one type in a Parquet file.
    examples = [{"n": n, "item": rng.choice([*keys, *others, None])} for n in range(40)]
    examples[0]["item"] = keys[0]
    file = write(f"examples.{of_examples}", examples)
    parts = sorted(rng.sample(range(1, len(side)), min(len(side) - 1, 2)))
    for i, (start, end) in enumerate(zip([0, *parts], [*parts, None], strict=True)):
        write(f"items-{i}.{of_side}", side[start:end])
    joins = {
        "items": {
            "files": f"items-*.{of_side}",
            "format": of_side,
            "key": "item",
            "file_key": "id",
            "columns": {
                "title": "name",
                "year": "year",
                "price": "price",
                "tags": "tags",
                "another": "unread",
            },
        }
    }
    settings = reading.joined_settings(tmp_path, COLUMNS, joins, format=of_examples)
    bad = BadInput()
    rows = _plain(reading.read_rows(file, settings, bad))
    assert rows == _expected(examples, side)
    assert bad.unmatched.examples.get("items", 0) == sum(
        e["item"] in others for e in examples
    )
    assert bad.unmatched.without_key.get("items", 0) == sum(
        e["item"] is None for e in examples
    )
    in_parts = [
        row
        for part in range(3)
        for row in reading.read_rows(file, settings, part=part, parts=3)
    ]
    assert sorted(_plain(in_parts), key=lambda row: row["n"]) == rows


ITEMS = "id,title,tags\n1,One,x;y\n2,Two,\n"


def _settings(tmp_path: Path, **files: Any) -> Any:
    join = {
        "files": "items.csv",
        "key": "item",
        "file_key": "id",
        "columns": ["title", "tags"],
        "list_separator": ";",
        "format": "csv",
    }
    columns = {"title": Column("string"), "tags": Column("string", ragged=True)}
    return reading.joined_settings(tmp_path, columns, {"items": join}, **files)


def test_lists_are_cut_at_the_separator_of_their_own_file(
    tmp_path: Path, write: Callable[..., str]
) -> None:
    write("items.csv", ITEMS.encode())
    file = write("examples.csv", b"item\n2\n1\n")
    assert reading.read_rows(file, _settings(tmp_path)) == [
        {"title": [b"Two"], "tags": []},
        {"title": [b"One"], "tags": [b"x", b"y"]},
    ]


def test_a_missing_value_that_comes_of_a_key_says_the_key(
    tmp_path: Path, write: Callable[..., str]
) -> None:
    write("items.csv", ITEMS.encode())
    file = write("examples.csv", b"item,x\n1,a\n9,a\n,a\n")
    with pytest.raises(BadInputError, match=r"line 3: .*its key '9' is not in `items`"):
        reading.read_rows(file, _settings(tmp_path))
    settings = _settings(tmp_path, on_bad_example="skip")
    bad = settings.new_bad_input()
    assert len(reading.read_rows(file, settings, bad)) == 1
    assert "it has no key for `items`" in "\n".join(bad.lines())
    assert bad.left_out == 2


def test_a_column_that_the_examples_have_too_is_refused(
    tmp_path: Path, write: Callable[..., str]
) -> None:
    write("items.csv", ITEMS.encode())
    for name, content in (
        ("examples.csv", b"item,title\n1,a\n"),
        ("examples.parquet", [{"item": 1, "title": "a"}]),
        ("examples.tfrecord", [{"item": 1, "title": "a"}]),
    ):
        settings = _settings(tmp_path, format=name.partition(".")[2])
        with pytest.raises(BadInputError, match=r"a column `title`, and .* joins"):
            reading.read_rows(write(name, content), settings)


def test_each_side_file_has_its_own_dialect(
    tmp_path: Path, write: Callable[..., str]
) -> None:
    write("items.csv", "1::Un é::0,5\n2::NA::7\n".encode("latin-1"))
    file = write("examples.csv", b"item;n\n2;1\n1;2\n")
    join = {
        "files": "items.csv",
        "key": "item",
        "columns": ["title", "price"],
        "dialect": {
            "delimiter": "::",
            "header": ["item", "title", "price"],
            "encoding": "latin-1",
            "missing": ["NA"],
            "decimal": ",",
        },
    }
    columns = {name: COLUMNS[name] for name in ("title", "price")}
    settings = reading.joined_settings(
        tmp_path, columns, {"items": join}, dialect={"delimiter": ";"}
    )
    assert reading.read_rows(file, settings) == [
        {"title": [], "price": [7.0]},
        {"title": ["Un é".encode()], "price": [0.5]},
    ]


def test_a_key_may_be_a_column_of_a_join_before(
    tmp_path: Path, write: Callable[..., str]
) -> None:
    write("items.csv", b"item,maker\n1,7.0\n2,8\n")
    write("makers.parquet", [{"id": 7, "city": "Bern"}])
    file = write("examples.csv", b"item\n1\n2\n3\n")
    joins = {
        "items": {"files": "items.csv", "key": "item", "columns": ["maker"]},
        "makers": {
            "files": "makers.parquet",
            "format": "parquet",
            "key": "maker",
            "file_key": "id",
            "columns": ["city"],
        },
    }
    columns = {"city": Column("string", optional=True)}
    settings = reading.joined_settings(tmp_path, columns, joins)
    bad = settings.new_bad_input()
    rows = reading.read_rows(file, settings, bad)
    assert rows == [{"city": [b"Bern"]}, {"city": []}, {"city": []}]
    assert bad.unmatched.examples == {"items": 1, "makers": 1}
    assert bad.unmatched.without_key == {"makers": 1}


@pytest.mark.parametrize("of_side", FORMATS)
@pytest.mark.parametrize("dialect", [{}, {"delimiter": ";", "decimal": ","}])
@pytest.mark.parametrize("rule", [{"at_least": 16777217}, {"fraction": 1.0}])
def test_a_held_out_split_may_be_told_by_a_joined_column(
    rule: dict[str, float],
    dialect: dict[str, str],
    of_side: str,
    tmp_path: Path,
    write: Callable[..., str],
) -> None:
    write(
        f"items.{of_side}", [{"item": 1, "at": 16777217}, {"item": 2, "at": 16777216}]
    )
    file = write("examples.csv", b"item\n1\n2\n")
    join = {"files": f"items.{of_side}", "format": of_side, "key": "item"}
    settings = reading.joined_settings(
        tmp_path,
        {"at": Column("float")},
        {"items": {**join, "columns": ["at"], "dialect": {}}},
        held_out={"eval": {"column": "at", **rule}},
        dialect=dialect,
    )
    units = read_unit(Unit(file), settings, BadInput())
    rows = {split: batch.num_rows for split, batch in units}
    assert rows == ({"eval": 2} if "fraction" in rule else {"train": 1, "eval": 1})


def test_side_files_among_the_examples_are_refused(
    tmp_path: Path, write: Callable[..., str]
) -> None:
    file = write("items.csv", ITEMS.encode())
    with pytest.raises(BadInputError, match="is among the examples, and in"):
        reading.read_rows(file, _settings(tmp_path))


def test_what_is_left_out_of_side_files_is_told_once(
    tmp_path: Path, write: Callable[..., str]
) -> None:
    write("items.csv", (ITEMS + ",Three,\n").encode())
    file = write("examples.csv", b"item\n1\n2\n")
    settings = _settings(tmp_path, on_bad_example="skip")
    whole = settings.new_bad_input()
    for part in range(2):
        bad = settings.new_bad_input()
        reading.read_rows(file, settings, bad, part=part, parts=2)
        whole.merge(bad)
    assert whole.lines()[0] == "1 row of `items` left out: column `id` has no key"
    assert not whole.left_out


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0)])
def test_first_keys_are_told_in_whatever_order_parts_are_read(
    order: tuple[int, ...],
    tmp_path: Path,
    write: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Lines are not looked for where three keys before are known; all are counted."""
    monkeypatch.setattr(csv_text, "_CHUNK_BYTES", 60)
    write("items.csv", ITEMS.encode())
    keys = [1, 1, *range(100, 200)]
    file = write("examples.csv", "".join(f"{k}\n" for k in ["item", *keys]).encode())
    settings = _settings(tmp_path, on_bad_example="skip")
    settings = dataclasses.replace(
        settings, columns={"tags": Column("string", ragged=True)}
    )
    bad = settings.new_bad_input()
    for part in order:
        reading.read_rows(file, settings, bad, part=part, parts=3)
    assert bad.unmatched.examples == {"items": 100}
    assert bad.unmatched.first == {
        "items": [(file, 4, "100"), (file, 5, "101"), (file, 6, "102")]
    }
