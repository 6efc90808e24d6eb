"""Tables on a terminal: no word is broken however narrow it is."""

import random
from io import StringIO

import pytest
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from shardline.pipeline.terminal.tables import print_table


def shown(table: Table, width: int) -> str:
    console = Console(file=StringIO(), width=width)
    print_table(table, console)
    return console.file.getvalue()  # type: ignore[attr-defined]


def table_of(rows: list[list[str]], headers: list[str], **options: bool) -> Table:
    table = Table(title="Names", box=SIMPLE_HEAD)
    for header in headers:
        table.add_column(header, **options)  # type: ignore[arg-type]
    for row in rows:
        table.add_row(*map(escape, row))
    return table


@pytest.mark.parametrize("width", [30, 60, 80, 120])
@pytest.mark.parametrize("seed", range(10))
def test_no_word_is_broken(seed: int, width: int) -> None:
    draw = random.Random(seed)
    rows = [
        [
            " ".join(
                f"w{draw.randrange(10**9)}" * draw.randrange(1, 4)
                for _ in range(draw.randrange(1, 4))
            )
            for _ in range(draw.randrange(2, 7))
        ]
        for _ in range(3)
    ]
    headers = [f"head{i}" for i in range(max(map(len, rows)))]
    rows = [row + [""] * (len(headers) - len(row)) for row in rows]

    text = shown(table_of(rows, headers), width)

    words = text.split()
    assert all(word in text for row in rows for cell in row for word in cell.split())
    assert all(f"{word}" in words or f"{word};" in words
               for row in rows for cell in row for word in cell.split())  # fmt: skip


def test_table_that_fits_stays_one() -> None:
    text = shown(table_of([["user", "1"], ["item", "2"]], ["table", "rows"]), 40)

    assert "──" in text
    assert text.splitlines()[0] == "Names"


def test_table_that_does_not_fit_is_told_in_lines() -> None:
    rows = [["user_of_a_long_name", "[int64]", "", "x" * 30]]

    text = shown(table_of(rows, ["column", "found", "missing", ""]), 40)

    assert text.splitlines() == [
        "Names",
        f"user_of_a_long_name  {'x' * 30}",
        "  found: [int64]",
    ]


def test_header_and_value_stay_together() -> None:
    rows = [["a" * 40, "one two", "three four"]]

    text = shown(table_of(rows, ["name", "first", "second\nof it"]), 40)

    assert text.splitlines()[2:] == [
        "  first: one two;",
        "    second of it: three four",
    ]


def test_values_of_two_columns_keep_their_lines() -> None:
    rows = [["Tables", "user: 3 bytes\nitem: 4 bytes"], ["Log", f"/{'x' * 50}"]]

    text = shown(table_of(rows, ["What", "Value"]), 40)

    assert text.splitlines()[1:] == [
        "Tables",
        "  user: 3 bytes",
        "  item: 4 bytes",
        "Log",
        f"  /{'x' * 50}",
    ]


def test_one_column_that_may_wrap_takes_what_is_left() -> None:
    table = Table()
    table.add_column("What", no_wrap=True)
    table.add_column("Value")
    table.add_row("Gates", "parity passes, size passes, quality passes")

    text = shown(table, 40)

    assert "┃" in text
    assert all(len(line) <= 40 for line in text.splitlines())
