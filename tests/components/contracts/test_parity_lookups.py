"""What the engine answered comes back as it was written."""

import math
from pathlib import Path

import numpy as np
import pytest

from shardline.components.contracts.parity_lookups import (
    Asked,
    Bags,
    Case,
    Lookups,
    Probed,
    bags_of,
    load_lookups,
    write_lookups,
)

BAGS = bags_of([[3, 1], [], [2**40]], [[0.5, 2.0], [], [math.nan]])


def parts(bags: Bags) -> list[object]:
    weights = bags.weights
    return [
        bags.values.tolist(),
        bags.row_splits.tolist(),
        None if weights is None else [str(weight) for weight in weights],
    ]


def test_lists_become_flat_arrays() -> None:
    assert parts(BAGS) == [[3, 1, 2**40], [0, 2, 2, 3], ["0.5", "2.0", "nan"]]
    assert (BAGS.values.dtype, BAGS.row_splits.dtype) == (np.int64, np.int64)
    assert BAGS.examples == 3
    assert (BAGS.ids(0), BAGS.weights_of(0)) == ([3, 1], [0.5, 2.0])
    assert (BAGS.ids(1), BAGS.weights_of(1)) == ([], [])
    assert bags_of([[1]]).weights_of(0) is None


@pytest.mark.parametrize(
    ("start", "stop", "expected"),
    [
        (0, 2, [[3, 1], [0, 2, 2], ["0.5", "2.0"]]),
        (1, 9, [[2**40], [0, 0, 1], ["nan"]]),
        (3, 9, [[], [0], []]),
        (7, 9, [[], [0], []]),
    ],
)
def test_part_is_a_few_of_the_examples(
    start: int, stop: int, expected: list[object]
) -> None:
    assert parts(BAGS.part(start, stop)) == expected


def test_lookups_come_back_as_they_were(tmp_path: Path) -> None:
    activations = np.arange(6, dtype=np.float32).reshape(3, 2)
    allowed = {"int8": np.array([0.5, 0.0, 1.0], np.float32)}
    answered = Asked(BAGS, [Case("two", 0, 2), Case("one", 2, 3)], activations, allowed)
    refused = Asked(bags_of([[-1]]), [Case("negative id", 0, 1)])
    # Numbers of requests and names of features begin alike.
    features = {"tag": Probed("tag", "weighted"), "tags": Probed("tag", "pooled")}
    requests = [{"tag": answered, "tags": refused}, *[{"tags": refused}] * 11]

    write_lookups(tmp_path / "new" / "parity", Lookups(features, requests))
    read = load_lookups(tmp_path / "new" / "parity")

    assert read.features == features
    assert [set(request) for request in read.requests] == [{"tag", "tags"}] + [
        {"tags"}
    ] * 11
    first = read.requests[0]["tag"]
    assert parts(first.bags) == parts(BAGS)
    assert first.cases == answered.cases
    np.testing.assert_array_equal(first.activations, activations)
    np.testing.assert_array_equal(first.allowed["int8"], allowed["int8"])
    last = read.requests[11]["tags"]
    assert (last.activations, last.allowed, last.bags.weights) == (None, {}, None)
    assert last.bags.ids(0) == [-1]


def test_equal_lookups_make_equal_files(tmp_path: Path) -> None:
    lookups = Lookups({"tag": Probed("tag", "weighted")}, [{"tag": Asked(BAGS, [])}])
    for name in ("first", "second"):
        write_lookups(tmp_path / name, lookups)

    for file in ("lookups.json", "lookups.npz"):
        first = (tmp_path / "first" / file).read_bytes()
        assert first == (tmp_path / "second" / file).read_bytes()


def test_folder_without_lookups_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"lookups\.json"):
        load_lookups(tmp_path)
