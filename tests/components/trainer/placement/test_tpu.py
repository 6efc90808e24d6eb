"""A TPU is connected to when a training begins, and again for each new learner."""

from typing import Any
from unittest import mock

import pytest
import tensorflow as tf

from shardline.components.trainer.placement import tpu
from shardline.components.trainer.placement.choice import placed
from shardline.configs.schema import Training
from shardline.embedding.tpu.connection import TPUMissingError


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Stands for a TPU; each resolver is another one."""
    connect = mock.Mock(side_effect=["first", "second"])
    monkeypatch.setattr(tpu, "connect", connect)
    monkeypatch.setattr(tf.distribute, "TPUStrategy", lambda resolver: resolver)
    yield connect
    tf.config.experimental.enable_tensor_float_32_execution(True)


def test_each_learner_finds_an_empty_tpu(connect: Any) -> None:
    placement = placed(Training(batch_size=1, steps=1, tpu="mine"))

    connect.assert_called_once_with("mine")
    assert placement.strategy() == "first"
    assert placement.strategy() == "second"
    assert placement.hosts is None
    assert not tf.config.experimental.tensor_float_32_execution_enabled()


def test_training_is_called_once(connect: Any) -> None:
    placement = tpu.TPUHosts("mine")

    assert placement.survive(lambda attempt: attempt.reached(2)) is None
    assert placement.run(divmod, 7, 2) == (3, 1)


def test_tpu_that_is_not_there_is_named() -> None:
    with pytest.raises(TPUMissingError, match="without support for TPUs"):
        placed(Training(batch_size=1, steps=1, tpu="local"))
