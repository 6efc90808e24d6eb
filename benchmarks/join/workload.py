"""What is read: rows of CSV from seeded random numbers, and a row for each item.

Few items are in most rows, as in logs of any shop; one row in a hundred has an item
that is not among the items.
"""

import contextlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from pyarrow import csv

ROWS, ITEMS, WIDE = "rows.csv", "items.csv", "wide.csv"
_BLOCK = 1_000_000
_USERS, _BRANDS, _KINDS = 500_000, 20_000, 40
_CONFIG = """
name: bench_join
data:
  path: {path}
  files:
    format: csv
    splits: {{train: {rows}}}
{join}
  label: click
features:
  user: {{table: user}}
  item: {{table: item}}
{features}
numbers:
  amount: {{scale: z_score}}
{numbers}
tables:
  user: {{dim: 16}}
  item: {{dim: 16}}
{tables}
"""
_JOINED = {
    "join": (
        "    join:\n"
        "      items: {files: items.csv, key: item, columns: [brand, kind, price]}"
    ),
    "features": (
        "  brand: {table: brand, default: none}\n  kind: {table: kind, default: none}"
    ),
    "numbers": "  price: {missing: 0, scale: z_score}",
    "tables": "  brand: {dim: 16}\n  kind: {dim: 16}",
}


class Sizes(NamedTuple):
    """How much is read.

    Attributes:
        rows: examples.
        items: rows of the side file.
    """

    rows: int = 5_000_000
    items: int = 1_000_000


def write_files(folder: Path, sizes: Sizes) -> None:
    """Writes the files and three configurations.

    Args:
        folder: gets `plain.yaml`, that reads the rows alone, `joined.yaml`, and
            `wide.yaml`, that reads rows in which all columns are.
        sizes: of the files.
    """
    rng = np.random.default_rng(19)
    items = _items(rng, sizes.items)
    csv.write_csv(items, folder / ITEMS)
    _write_rows(folder, rng, sizes, items)
    nothing = dict.fromkeys(_JOINED, "")
    for name, file, parts in [
        ("plain", ROWS, nothing),
        ("joined", ROWS, _JOINED),
        ("wide", WIDE, _JOINED | {"join": ""}),
    ]:
        text = _CONFIG.format(path=folder, rows=file, **parts)
        (folder / f"{name}.yaml").write_text(text)


def _write_rows(
    folder: Path, rng: np.random.Generator, sizes: Sizes, items: pa.Table
) -> None:
    with contextlib.ExitStack() as stack:
        writers: dict[str, csv.CSVWriter] = {}
        for start in range(0, sizes.rows, _BLOCK):
            rows = _rows(rng, min(_BLOCK, sizes.rows - start), sizes.items)
            wide = rows.join(items, keys="item", join_type="left outer")
            for name, table in {ROWS: rows, WIDE: wide}.items():
                if name not in writers:
                    writer = csv.CSVWriter(folder / name, table.schema)
                    writers[name] = stack.enter_context(writer)
                writers[name].write(table)


def _rows(rng: np.random.Generator, rows: int, items: int) -> pa.Table:
    item = rng.zipf(1.1, rows) % items
    missing = rng.random(rows) < 0.01
    return pa.table(
        {
            "user": _named("u", rng.integers(_USERS, size=rows)),
            "item": _named("i", np.where(missing, item + items, item)),
            "amount": rng.gamma(2, 10, rows).round(4),
            "click": rng.integers(2, size=rows),
        }
    )


def _items(rng: np.random.Generator, items: int) -> pa.Table:
    return pa.table(
        {
            "item": _named("i", rng.permutation(items)),
            "brand": _named("brand", rng.integers(_BRANDS, size=items)),
            "kind": _named("kind", rng.integers(_KINDS, size=items)),
            "price": rng.gamma(2, 10, items).round(2),
        }
    )


def _named(prefix: str, numbers: np.ndarray) -> pa.Array:
    return pa.array(np.char.add(prefix, numbers.astype(str)))
