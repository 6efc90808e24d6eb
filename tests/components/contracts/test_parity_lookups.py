"""What the engine answered comes back as it was written."""

import math
from pathlib import Path

import numpy as np
import pytest

from shardline.components.contracts.parity_lookups import (
    CaseRange,
    ExampleIds,
    ParityLookups,
    RecordedFeature,
    RecordedLookup,
    example_ids,
    load_lookups,
    write_lookups,
)

EXAMPLES = example_ids([[3, 1], [], [2**40]], [[0.5, 2.0], [], [math.nan]])


def parts(ids: ExampleIds) -> list[object]:
    weights = ids.weights
    return [
        ids.values.tolist(),
        ids.row_splits.tolist(),
        None if weights is None else [str(weight) for weight in weights],
    ]


def test_lists_become_flat_arrays() -> None:
    assert parts(EXAMPLES) == [[3, 1, 2**40], [0, 2, 2, 3], ["0.5", "2.0", "nan"]]
    assert (EXAMPLES.values.dtype, EXAMPLES.row_splits.dtype) == (np.int64, np.int64)
    assert EXAMPLES.examples == 3
    assert (EXAMPLES.of(0), EXAMPLES.weights_of(0)) == ([3, 1], [0.5, 2.0])
    assert (EXAMPLES.of(1), EXAMPLES.weights_of(1)) == ([], [])
    assert example_ids([[1]]).weights_of(0) is None


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
    assert parts(EXAMPLES.part(start, stop)) == expected


def test_lookups_come_back_as_they_were(tmp_path: Path) -> None:
    activations = np.arange(6, dtype=np.float32).reshape(3, 2)
    allowed = {"int8": np.array([0.5, 0.0, 1.0], np.float32)}
    answered = RecordedLookup(
        EXAMPLES, [CaseRange("two", 0, 2), CaseRange("one", 2, 3)], activations, allowed
    )
    refused = RecordedLookup(example_ids([[-1]]), [CaseRange("negative id", 0, 1)])
    # Numbers of requests and names of features begin alike.
    features = {
        "tag": RecordedFeature("tag", "weighted"),
        "tags": RecordedFeature("tag", "pooled"),
    }
    requests = [{"tag": answered, "tags": refused}, *[{"tags": refused}] * 11]

    write_lookups(tmp_path / "new" / "parity", ParityLookups(features, requests))
    read = load_lookups(tmp_path / "new" / "parity")

    assert read.features == features
    assert [set(request) for request in read.requests] == [{"tag", "tags"}] + [
        {"tags"}
    ] * 11
    first = read.requests[0]["tag"]
    assert parts(first.ids) == parts(EXAMPLES)
    assert first.cases == answered.cases
    np.testing.assert_array_equal(first.activations, activations)
    np.testing.assert_array_equal(first.allowed["int8"], allowed["int8"])
    last = read.requests[11]["tags"]
    assert (last.activations, last.allowed, last.ids.weights) == (None, {}, None)
    assert last.ids.of(0) == [-1]


def test_equal_lookups_make_equal_files(tmp_path: Path) -> None:
    lookups = ParityLookups(
        {"tag": RecordedFeature("tag", "weighted")},
        [{"tag": RecordedLookup(EXAMPLES, [])}],
    )
    for name in ("first", "second"):
        write_lookups(tmp_path / name, lookups)

    for file in ("lookups.json", "lookups.npz"):
        first = (tmp_path / "first" / file).read_bytes()
        assert first == (tmp_path / "second" / file).read_bytes()


def test_folder_without_lookups_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"lookups\.json"):
        load_lookups(tmp_path)
