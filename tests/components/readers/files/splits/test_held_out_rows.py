"""Which rows the held-out splits take, in every format."""

import hashlib
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from shardline.components.readers.files import BadInput, ReadSettings, Unit, read_unit
from shardline.configs.column import Column
from shardline.configs.data import HeldOut


def settings_for(name: str, columns: dict[str, Column], **more: Any) -> Any:
    return ReadSettings(name.removesuffix(".gz").rpartition(".")[2], columns, **more)


# Splits


def splits(
    name: str, write: Callable[..., str], rows: list[dict], held_out: dict[str, dict]
) -> dict[str, list]:
    """Column `n` of each split's rows."""
    settings = settings_for(
        name,
        {"n": Column("int64")},
        held_out={split: HeldOut(**rule) for split, rule in held_out.items()},
    )
    found: dict[str, list] = {}
    for split, batch in read_unit(Unit(write(name, rows)), settings, BadInput(), 16):
        assert batch.schema.names == ["n"]
        found.setdefault(split, []).extend(batch.column(0).flatten().to_pylist())
    return found


DAYS = [
    {
        "n": i,
        "day": f"2024-01-{i + 1:02}",
        "at": i * 10,
        "score": i / 2,
        "user": f"u{i}",
    }
    for i in range(28)
]


@pytest.mark.parametrize("name", ["a.tfrecord", "a.csv", "a.parquet"])
@pytest.mark.parametrize(
    ("rule", "first"),
    [
        ({"column": "day", "at_least": "2024-01-20"}, 19),
        ({"column": "at", "at_least": 95}, 10),
        ({"column": "at", "at_least": 100.0}, 10),
        ({"column": "score", "at_least": 6.5}, 13),
        ({"column": "n", "at_least": 9}, 9),
        ({"column": "n", "at_least": -1e300}, 0),
    ],
)
def test_rows_from_a_value_on_are_held_out(
    name: str, rule: dict, first: int, write: Callable[..., str]
) -> None:
    found = splits(name, write, DAYS, {"eval": rule})
    assert found.get("train", []) == list(range(first))
    assert found["eval"] == list(range(first, 28))


def test_dates_of_parquet_are_compared_as_text(write: Callable[..., str]) -> None:
    table = pa.table(
        {
            "n": range(28),
            "day": pa.array([row["day"] for row in DAYS]).cast(pa.date32()),
        }
    )
    rule = {"column": "day", "at_least": "2024-01-20"}
    assert splits("a.parquet", write, table, {"eval": rule})["eval"][0] == 19


def test_first_split_that_claims_a_row_has_it(write: Callable[..., str]) -> None:
    found = splits(
        "a.csv",
        write,
        DAYS,
        {
            "eval": {"column": "at", "at_least": 200},
            "validation": {"column": "at", "at_least": 100},
        },
    )
    assert found["validation"] == list(range(10, 20))
    assert found["eval"] == list(range(20, 28))


@pytest.mark.parametrize("column", ["user", "number"])
def test_fraction_is_drawn_by_value_and_the_same_in_every_format(
    column: str, write: Callable[..., str]
) -> None:
    rows = [{"n": i, "user": f"u{i % 500}", "number": i % 500} for i in range(2000)]
    rule = {"eval": {"column": column, "fraction": 0.2}}
    found = [
        splits(name, write, rows, rule) for name in ("a.tfrecord", "a.csv", "a.parquet")
    ]
    assert found[0] == found[1] == found[2]
    users = {split: {n % 500 for n in ns} for split, ns in found[0].items()}
    assert not users["eval"] & users["train"]
    assert 70 < len(users["eval"]) < 130


@pytest.mark.parametrize("name", ["a.tfrecord", "a.csv", "a.parquet"])
@pytest.mark.parametrize("value", [int, "u{}".format, "00{}".format])
def test_fraction_is_drawn_by_a_hash_that_stays(
    name: str, value: Callable[[int], int | str], write: Callable[..., str]
) -> None:
    rows = [{"n": i, "user": value(i)} for i in range(300)]
    rule = {"eval": {"column": "user", "fraction": 0.2}}
    drawn = [
        row["n"]
        for row in rows
        for digest in [
            hashlib.blake2b(str(row["user"]).encode(), digest_size=8, key=b"eval")
        ]
        if int.from_bytes(digest.digest(), "little") < 0.2 * 2**64
    ]
    assert splits(name, write, rows, rule)["eval"] == drawn


def test_splits_of_one_column_draw_apart(write: Callable[..., str]) -> None:
    rows = [{"n": i, "user": f"u{i}"} for i in range(2000)]
    rule = {"column": "user", "fraction": 0.2}
    found = splits("a.csv", write, rows, {"eval": rule, "validation": rule})
    assert 300 < len(found["eval"]) < 500
    assert 220 < len(found["validation"]) < 420


def test_files_of_other_splits_are_not_split_up(write: Callable[..., str]) -> None:
    file = write("a.csv", b"n\n1\n2\n")  # without the column that tells splits
    rule = HeldOut(column="day", at_least="2024")
    settings = settings_for(file, {"n": Column("int64")}, held_out={"test": rule})
    found = read_unit(Unit(file), settings.of_split("eval"), BadInput())
    assert [(split, batch.num_rows) for split, batch in found] == [("eval", 2)]
    assert settings.of_split("train") == settings
