"""Sums of rows: added up by file and split, in any order of the workers."""

import dataclasses
import itertools
import json

import numpy as np
import pyarrow as pa

from shardline.components.readers.files import BadInput, Tally
from shardline.components.readers.files.judging.bad_input import RowFaults
from shardline.components.readers.files.raw_batch import RawBatch


def test_rows_add_up_by_file_and_split() -> None:
    tally = Tally()
    for rows in (3, 4):
        tally.give("a", "train", rows)
    tally.give("a", "eval", 1)
    tally.leave_out("a", 0)
    tally.leave_out("a", 2)

    assert tally.given == {"a": {"train": 7, "eval": 1}}
    assert tally.left_out == {"a": 2}


def raw(names: bool) -> RawBatch:
    columns = {"x": pa.array([1, None, 3]), "y": pa.array([1, 2, 3])}
    faults = RowFaults(BadInput("skip"), 3, "a", lambda row: row, "row")
    return RawBatch(columns, faults, names=(lambda: ["x", "y"]) if names else None)


def test_rows_that_name_their_columns_have_those_with_values() -> None:
    tally = Tally()

    tally.look_at(raw(names=True), "train", np.array([True, True, False]))

    assert tally.looked_at == {"train": 2}
    assert tally.having == {"train": {"x": 1, "y": 2}}


def test_rows_of_a_file_that_names_its_columns_have_all() -> None:
    tally = Tally()

    tally.look_at(raw(names=False), "train", np.array([True, True, True]))

    assert tally.having == {"train": {"x": 3, "y": 3}}


def test_tallies_of_workers_add_up_in_any_order_also_from_json() -> None:
    parts = []
    for n in range(3):
        part = Tally()
        part.stored["a"] = 10
        part.give("a", "train", n)
        part.give(f"file {n}", "eval", 1)
        part.leave_out("a", 1)
        part.look_at(raw(names=True), "train", np.ones(3, bool))
        parts.append(part)

    sums = []
    for order in itertools.permutations(parts):
        total = Tally()
        for part in order:
            total.merge(Tally(**json.loads(json.dumps(dataclasses.asdict(part)))))
        sums.append(total)

    assert sums[0].given["a"] == {"train": 3}
    assert sums[0].left_out == {"a": 3}
    assert sums[0].stored == {"a": 10}
    assert sums[0].having == {"train": {"x": 6, "y": 9}}
    assert all(total == sums[0] for total in sums)
