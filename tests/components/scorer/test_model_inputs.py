"""Batches become the inputs that a signature names, filled up to whole packets."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf

from shardline.components.scorer.model_inputs import ModelInputs
from shardline.components.server.model import Input
from shardline.configs.schema import FeatureSet

FEATURES = FeatureSet.model_validate(
    {
        "features": {
            "user": {"table": "user", "column": "user id", "default": "nobody"},
            "tags": {"table": "tag", "combiner": "sum"},
        },
        "numbers": {"price": {"missing": "mean"}},
        "tables": {"user": {"dim": 2}, "tag": {"dim": 2}},
    }
)
INPUTS = {
    "user_id": Input(tf.string, (None,)),
    "tags_values": Input(tf.string, (None,)),
    "tags_row_splits": Input(tf.int64, (None,)),
    "price": Input(tf.float32, (None,)),
}


def lists(rows: list[list[Any]], kind: pa.DataType) -> pa.Array:
    return pa.array(rows, pa.large_list(kind))


BATCH = pa.RecordBatch.from_pydict(
    {
        "user id": lists([[b"a"], [], [b"c"]], pa.large_binary()),
        "tags": lists([[b"x", b"y"], [], [b"z"]], pa.large_binary()),
        "price": lists([[1.5], [2.5], []], pa.float32()),
    }
)


@pytest.mark.parametrize("first", [0, 1])
def test_rows_keep_their_values(first: int) -> None:
    arrays = ModelInputs(FEATURES, INPUTS).arrays(BATCH.slice(first))

    rows = 3 - first
    assert arrays["user_id"][:rows].tolist() == [b"a", b"", b"c"][first:]
    assert arrays["tags_values"].tolist() == [b"x", b"y", b"z"][2 * first :]
    splits = [0, 2, 2, 3] if not first else [0, 0, 1]
    assert arrays["tags_row_splits"][: rows + 1].tolist() == splits
    np.testing.assert_array_equal(
        arrays["price"][:rows], np.float32([1.5, 2.5, np.nan][first:])
    )
    assert {a.dtype.str for a in arrays.values()} == {"|O", "<i8", "<f4"}


def test_rows_that_fill_up_repeat_the_last_and_have_no_list() -> None:
    arrays = ModelInputs(FEATURES, INPUTS).arrays(BATCH)

    assert len(arrays["user_id"]) == len(arrays["price"]) == 64
    assert set(arrays["user_id"][3:]) == {b"c"}
    assert arrays["tags_row_splits"].tolist() == [0, 2, 2] + 62 * [3]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"city": Input(tf.string, (None,))}, "asks for `city`, which no feature"),
        ({"price": None}, "does not know column `price`, which the configuration"),
        ({"tags_row_splits": None}, "does not know column `tags`"),
        (
            {"user_id": Input(tf.int64, (None,))},
            "int64 values of column `user id`, and the configuration reads it as strin",
        ),
    ],
)
def test_other_inputs_are_refused(change: dict[str, Any], message: str) -> None:
    inputs = {k: v for k, v in (INPUTS | change).items() if v is not None}

    with pytest.raises(ValueError, match=message):
        ModelInputs(FEATURES, inputs)


def test_inputs_have_the_names_of_the_configuration() -> None:
    names = {"user id": "who", "tags": "marks"}
    given = {"who": "user_id", "marks_values": "tags_values"}
    given["marks_row_splits"] = "tags_row_splits"
    named = FEATURES.model_copy(update={"inputs": names})
    inputs = {name: INPUTS[given.get(name, name)] for name in [*given, "price"]}

    arrays = ModelInputs(named, inputs).arrays(BATCH)

    plain = ModelInputs(FEATURES, INPUTS).arrays(BATCH)
    assert set(arrays) == set(inputs)
    for name in given:
        assert arrays[name].tolist() == plain[given[name]].tolist()
