"""Rows as an archive holds them."""

import numpy as np
import pytest
import tensorflow as tf

from shardline.embedding.checkpoint.sets.rounding import (
    SCALE,
    RoundingError,
    rounded,
    row_spec,
)


@pytest.fixture
def tensors() -> dict[str, np.ndarray]:
    """Rows of very different sizes, one of zeros, and a slot."""
    rows = np.random.default_rng(2).normal(size=(6, 3)).astype(np.float32)
    rows *= np.float32([[1], [1e-3], [1e3], [0], [1], [1]])
    return {"parameters": rows, "accumulators": np.full([6, 3], 1e-9, np.float32)}


def test_float32_rows_stay_as_they_are(tensors) -> None:
    assert rounded(tensors, "float32", "item", 0) == tensors


def test_float16_rows_are_rounded_and_slots_are_not(tensors) -> None:
    held = rounded(tensors, "float16", "item", 0)

    assert held.keys() == tensors.keys()
    assert held["parameters"].dtype == np.float16
    np.testing.assert_allclose(
        held["parameters"].astype(np.float32), tensors["parameters"], rtol=2**-11
    )
    assert held["accumulators"] is tensors["accumulators"]


def test_int8_rows_have_a_scale_each(tensors) -> None:
    held = rounded(tensors, "int8", "item", 0)

    assert held.keys() == {*tensors, SCALE}
    assert (held["parameters"].dtype, held[SCALE].dtype) == (np.int8, np.float32)
    values = held["parameters"] * held[SCALE][:, None]
    errors = np.abs(values - tensors["parameters"]).max(axis=1)
    assert (errors <= held[SCALE] * 0.501).all()
    assert held["accumulators"] is tensors["accumulators"]


@pytest.mark.parametrize(
    ("rows", "value"),
    [
        ("float16", 65536),
        ("float16", np.inf),
        ("float16", np.nan),
        ("int8", np.nan),
        ("int8", -np.inf),
    ],
)
def test_value_that_cannot_be_held_is_named(tensors, rows, value) -> None:
    tensors["parameters"][4, 1] = value

    with pytest.raises(RoundingError, match=f"'item': row 104 .*which {rows} cannot"):
        rounded(tensors, rows, "item", 100)


@pytest.mark.parametrize(
    ("tensor", "rows", "spec"),
    [
        ("parameters", "float32", (tf.float32, [3])),
        ("parameters", "float16", (tf.float16, [3])),
        ("parameters", "int8", (tf.int8, [3])),
        ("accumulators", "int8", (tf.float32, [3])),
        ("parameters.scale", "int8", (tf.float32, [])),
        ("rows", "float32", (tf.int64, [])),
    ],
)
def test_dtype_and_shape_of_a_row(tensor, rows, spec) -> None:
    assert row_spec(tensor, 3, rows) == spec
