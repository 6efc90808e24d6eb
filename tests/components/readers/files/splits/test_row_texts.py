"""Splits that are drawn by whole rows, beside the rule as the docs have it."""

import csv
import dataclasses
import datetime
import decimal
import hashlib
import itertools
import math
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pyarrow as pa
import pytest

from shardline.components.readers.files import BadInput, ReadSettings, Unit, read_unit
from shardline.configs.column import Column
from shardline.configs.data import HeldOut

FORMATS = ["a.tfrecord", "a.csv", "a.csv.gz", "a.parquet"]
ROWS = [
    {
        "n": i,
        "user": f"u{i % 7}",
        "score": i / 4,
        "tags": [f"t{i % 3}", "ö"][: i % 3],
        "note": None if i % 5 == 0 else "a; b" if i % 2 else "1.5.2",
    }
    for i in range(300)
]


def text_of(row: dict[str, Any]) -> bytes:
    """The text of a row, as docs/preprocess.md says it is made."""
    pieces = []
    for name in sorted(row, key=str.encode):
        values = row[name] if isinstance(row[name], list) else [row[name]]
        text = "|".join(_plain(v) for v in values if v is not None)
        if text:
            pieces.append(name.encode() + b"\x1f" + text.encode())
    return b"\x1e".join(pieces)


def _plain(value: Any) -> str:
    text = str(value)
    whole, point, digits = text.partition(".")
    is_decimal = point and whole.lstrip("+-").isdigit() and (digits + "0").isdigit()
    return f"{whole}.{digits}".rstrip("0").rstrip(".") if is_decimal else text


def is_drawn(text: bytes, split: str, fraction: float, seed: int = 0) -> bool:
    key = f"{seed} {split}".encode() if seed else split.encode()
    digest = hashlib.blake2b(text, digest_size=8, key=key[:64]).digest()
    return int.from_bytes(digest, "little") < fraction * 2**64


def settings_for(
    file: str, held_out: dict[str, dict], columns: dict[str, Column] | None = None
) -> ReadSettings:
    return ReadSettings(
        file.removesuffix(".gz").rpartition(".")[2],  # type: ignore[arg-type]
        columns or {"n": Column("int64")},
        held_out={split: HeldOut(**rule) for split, rule in held_out.items()},
    )


def numbers(
    file: str,
    held_out: dict[str, dict],
    *,
    batch_rows: int = 16,
    parts: int = 1,
    columns: dict[str, Column] | None = None,
) -> dict[str, list[int]]:
    """Column `n` of each split's rows."""
    settings = settings_for(file, held_out, columns)
    found: dict[str, list[int]] = {split: [] for split in ("train", *held_out)}
    for part in range(parts):
        unit = Unit(file, part, parts)
        for split, batch in read_unit(unit, settings, BadInput(), batch_rows):
            found[split] += batch.column("n").flatten().to_pylist()
    return {split: sorted(rows) for split, rows in found.items()}


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("seed", [0, 7, -3])
def test_rows_are_drawn_as_the_docs_say(
    name: str, seed: int, write: Callable[..., str]
) -> None:
    found = numbers(write(name, ROWS), {"eval": {"fraction": 0.3, "seed": seed}})

    drawn = [r["n"] for r in ROWS if is_drawn(text_of(r), "eval", 0.3, seed)]
    assert found["eval"] == drawn
    assert found["train"] == sorted({r["n"] for r in ROWS} - set(drawn))


def test_cells_of_csv_are_drawn_as_python_reads_them(
    write: Callable[..., str],
) -> None:
    text = (
        'n,user,n2,user\r\n0,"a ""q"", b",7.50,x\r\n1, a ,,y\n'
        '2,"two\nlines",007,\n3,\xe9,1e3,z\n'
    )
    rows = list(csv.reader(text.splitlines(keepends=True)))
    file = write("a.csv", text.encode())
    for seed in range(40):
        found = numbers(file, {"eval": {"fraction": 0.5, "seed": seed}})
        for cells in rows[1:]:
            # Two columns of one name stay in their order.
            pieces = [("n", cells[0]), ("n2", _plain(cells[2]))]
            pieces += [("user", cells[1]), ("user", cells[3])]
            text_of_row = b"\x1e".join(
                f"{name}\x1f{cell}".encode() for name, cell in pieces if cell
            )
            is_in = int(cells[0]) in found["eval"]
            assert is_in == is_drawn(text_of_row, "eval", 0.5, seed)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(("batch_rows", "parts"), [(1, 1), (7, 3), (4096, 2)])
def test_batches_and_parts_change_nothing(
    name: str, batch_rows: int, parts: int, write: Callable[..., str]
) -> None:
    file = write(name, ROWS)
    rule = {"eval": {"fraction": 0.25}, "test": {"fraction": 0.25}}
    found = numbers(file, rule, batch_rows=batch_rows, parts=parts)
    assert found == numbers(file, rule)


def test_chunks_change_nothing(
    write: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write("a.csv", ROWS)
    rule = {"eval": {"fraction": 0.25}}
    whole = numbers(file, rule)
    text = "shardline.components.readers.files.formats.csv.text"
    monkeypatch.setattr(f"{text}._CHUNK_BYTES", 100)
    assert numbers(file, rule) == whole
    assert numbers(file, rule, parts=3) == whole


@pytest.mark.parametrize("name", FORMATS)
def test_order_files_and_features_change_nothing(
    name: str, write: Callable[..., str]
) -> None:
    rule = {"eval": {"fraction": 0.4}}
    whole = numbers(write(name, ROWS), rule)

    shuffled = random.Random(1).sample(ROWS, len(ROWS))
    names = random.Random(2).sample(list(ROWS[0]), len(ROWS[0]))
    shuffled = [{key: row[key] for key in names} for row in shuffled]
    halves = [
        numbers(write(f"{i}/{name}", half), rule)
        for i, half in enumerate((shuffled[:100], shuffled[100:]))
    ]
    assert {s: sorted(halves[0][s] + halves[1][s]) for s in whole} == whole

    columns = {
        "n": Column("int64"),
        "score": Column("float"),
        "tags": Column("string", ragged=True),
    }
    assert numbers(write(name, ROWS), rule, columns=columns) == whole


@pytest.mark.parametrize("name", FORMATS)
def test_equal_rows_are_in_one_split(name: str, write: Callable[..., str]) -> None:
    rows = [{"n": i % 50, "user": "u"} for i in range(500)]
    found = numbers(write(name, rows), {"eval": {"fraction": 0.5}})
    assert not set(found["eval"]) & set(found["train"])
    assert all(found["eval"].count(n) == 10 for n in found["eval"])


def test_fractions_are_met_and_seeds_draw_apart(write: Callable[..., str]) -> None:
    rows = 2000
    file = write("a.csv", [{"n": i, "user": f"u{i % 9}"} for i in range(rows)])
    drawn = []
    for seed in range(30):
        for fraction in (0.05, 0.5):
            found = numbers(file, {"eval": {"fraction": fraction, "seed": seed}})
            _expect(len(found["eval"]), rows, fraction)
        drawn.append(set(found["eval"]))
    for first, second in itertools.pairwise(drawn):
        _expect(len(first & second), rows, 0.25)


def test_splits_draw_apart_and_the_first_has_the_row(
    write: Callable[..., str],
) -> None:
    rows = 4000
    file = write("a.parquet", [{"n": i, "user": "u"} for i in range(rows)])
    rule = {"fraction": 0.5}
    found = numbers(file, {"eval": rule, "test": rule})
    assert found["eval"] == numbers(file, {"eval": rule})["eval"]
    assert not set(found["eval"]) & set(found["test"])
    _expect(len(found["test"]), rows, 0.25)


@pytest.mark.parametrize(("fraction", "expected"), [(0, 0), (1, 50)])
def test_none_and_all(
    fraction: float, expected: int, write: Callable[..., str]
) -> None:
    file = write("a.csv", [{"n": i} for i in range(50)])
    assert len(numbers(file, {"eval": {"fraction": fraction}})["eval"]) == expected


def _expect(count: int, rows: int, share: float) -> None:
    deviation = math.sqrt(rows * share * (1 - share))
    assert abs(count - rows * share) < 5 * deviation


def test_column_and_rows_draw_side_by_side(write: Callable[..., str]) -> None:
    rows = [{"n": i, "user": f"u{i % 40}"} for i in range(400)]
    by_user = {"column": "user", "fraction": 0.3, "seed": 4}
    found = numbers(write("a.csv", rows), {"eval": by_user, "test": {"fraction": 0.2}})
    assert found["eval"] == [
        r["n"] for r in rows if is_drawn(r["user"].encode(), "eval", 0.3, 4)
    ]
    assert found["test"] == [
        r["n"]
        for r in rows
        if r["n"] not in found["eval"] and is_drawn(text_of(r), "test", 0.2)
    ]


def typed() -> Iterator[tuple[pa.Array, list[str]]]:
    """Columns of types that only Parquet has, and the text of their values."""
    day = datetime.datetime(2026, 1, 2, 3, 4, 5)
    yield pa.array([day, None], pa.timestamp("us")), ["2026-01-02 03:04:05", ""]
    yield pa.array([day.date(), None]), ["2026-01-02", ""]
    yield pa.array([decimal.Decimal("1.50"), decimal.Decimal(2)]), ["1.5", "2"]
    yield pa.array(["x", None]).dictionary_encode(), ["x", ""]
    yield pa.array([True, False]), ["true", "false"]
    yield pa.array([2.5, 3.0], pa.float32()), ["2.5", "3"]
    yield pa.array([None, None], pa.int32()), ["", ""]
    yield pa.array([b"\xff\x00", b""], pa.binary()), ["\udcff\x00", ""]
    yield pa.array([[[1], [2, 3]], []]), ["1|2|3", ""]
    yield pa.array([{"a": 1}, None]), ["{'a': 1}", ""]
    yield pa.array([[{"a": 1}, {"a": None}], None]), ["{'a': 1}|{'a': None}", ""]


@pytest.mark.parametrize(("array", "texts"), list(typed()), ids=lambda v: str(v)[:20])
def test_any_type_has_a_text(
    array: pa.Array, texts: list[str], write: Callable[..., str]
) -> None:
    file = write("a.parquet", pa.table({"n": [0, 1], "x": array}))
    for seed in range(20):
        found = numbers(file, {"eval": {"fraction": 0.5, "seed": seed}})
        for n, text in enumerate(texts):
            row = f"n\x1f{n}" + (f"\x1ex\x1f{text}" if text else "")
            drawn = is_drawn(row.encode(errors="surrogateescape"), "eval", 0.5, seed)
            assert (n in found["eval"]) == drawn


def test_examples_that_store_a_column_in_several_ways(
    write: Callable[..., str],
) -> None:
    rows: list[dict] = [
        {"n": 0, "x": 0.1, "y": "a"},
        {"n": 1, "x": 7, "y": 2},
        {"n": 2, "x": "7", "y": []},
        {"n": 3},
        {"n": 4, "x": [1.5, 2.0], "y": None},
    ]
    file = write("a.tfrecord", rows * 3)
    for seed in range(20):
        found = numbers(file, {"eval": {"fraction": 0.5, "seed": seed}})
        drawn = [r["n"] for r in rows if is_drawn(text_of(r), "eval", 0.5, seed)]
        assert found["eval"] == sorted(drawn * 3)


EMPTY: dict[str, Any] = {"user": None, "x": None}


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("batch_rows", [1, 2, 64])
@pytest.mark.parametrize("empty", [[0], [9], [19], [0, 1, 9, 10, 19], range(20)])
def test_rows_without_any_value_shift_no_other(
    name: str, batch_rows: int, empty: Sequence[int], write: Callable[..., str]
) -> None:
    rows = [{"user": f"u{i}", "x": "a"} for i in range(20)]
    for i in empty:
        rows[i] = EMPTY
    file = write(name, rows)
    columns = {"user": Column("string", ragged=True)}
    for seed in (0, 3):
        rule = {"fraction": 0.5, "seed": seed}
        found = [
            (split, users)
            for split, batch in read_unit(
                Unit(file),
                settings_for(file, {"eval": rule}, columns),
                BadInput(),
                batch_rows,
            )
            for users in batch.column("user").to_pylist()
        ]
        expected = [
            (
                "eval" if is_drawn(text_of(row), "eval", 0.5, seed) else "train",
                [] if row["user"] is None else [row["user"].encode()],
            )
            for row in rows
        ]
        assert sorted(found) == sorted(expected)


@pytest.mark.parametrize("name", FORMATS)
def test_last_row_without_any_value_is_left_out(
    name: str, write: Callable[..., str]
) -> None:
    rows = [{"n": i, "user": f"u{i}"} for i in range(60)]
    file = write(name, [*rows, {"n": None, "user": None}])
    settings = dataclasses.replace(
        settings_for(file, {"eval": {"fraction": 0.3}}), on_bad_example="skip"
    )
    bad = settings.new_bad_input()
    found = {
        n
        for split, batch in read_unit(Unit(file), settings, bad)
        for n in batch.column("n").flatten().to_pylist()
        if split == "eval"
    }
    assert found == {r["n"] for r in rows if is_drawn(text_of(r), "eval", 0.3)}
    assert bad.left_out == 1


def test_bad_examples_take_no_row_of_others(write: Callable[..., str]) -> None:
    good = [{"n": i, "user": f"u{i}"} for i in range(60)]
    file = write("a.tfrecord", [*good[:20], b"\xff", *good[20:], {"n": "x"}])
    rule = {"eval": HeldOut(fraction=0.5)}
    settings = ReadSettings(
        "tfrecord", {"n": Column("int64")}, held_out=rule, on_bad_example="skip"
    )
    bad = settings.new_bad_input()
    found = {
        n
        for split, batch in read_unit(Unit(file), settings, bad)
        for n in batch.column("n").flatten().to_pylist()
        if split == "eval"
    }
    assert found == {r["n"] for r in good if is_drawn(text_of(r), "eval", 0.5)}
    assert bad.left_out == 2
