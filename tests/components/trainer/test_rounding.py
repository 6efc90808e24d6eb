"""How far activations of rounded tables may be off."""

from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf

from shardline.components.model.engine_config import engine_config
from shardline.components.trainer.learner import Learner
from shardline.components.trainer.rounding import Rounding
from shardline.configs.schema import Feature, FeatureSet, Table

ROWS = {"tag": 6}
FEATURES = FeatureSet(
    features={"tags": Feature(table="tag", combiner="sum")},
    tables={"tag": Table(dim=2)},
)


@pytest.fixture(scope="module")
def rounding(make_learner: Callable[..., Learner]) -> Rounding:
    """The rounding of a table on two hosts: the largest value of row i is i + 1."""
    engine = make_learner(FEATURES, ROWS, 4, hosts=2).engine
    rows = np.array([[-(i + 1), 0.5] for i in range(6)], np.float32)
    (table,) = engine.embedding_tables.values()
    for shard, part in zip(table.variables, np.split(rows, 2), strict=True):
        shard.assign(part)
    return Rounding(engine, engine_config(FEATURES, ROWS, trainable=False), FEATURES)


def test_each_row_adds_a_part_of_its_largest_value(rounding: Rounding) -> None:
    ids = tf.ragged.constant([[0], [1, 5], []], dtype=tf.int64)

    allowed = rounding.allowed("tags", (ids, None))

    largest = np.array([1, 2 + 6, 0])
    np.testing.assert_allclose(allowed["int8"], largest / 254, rtol=1e-3)
    np.testing.assert_allclose(allowed["float16"], largest / 2**11, rtol=3e-3)
    assert allowed["int8"].dtype == np.float32
    assert allowed["int8"][2] == 0  # no ids, nothing to round
