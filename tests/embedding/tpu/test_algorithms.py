"""Every optimizer has the names that the TPU's ops and messages give it."""

import pytest
import tensorflow as tf
from tensorflow.core.protobuf.tpu import optimization_parameters_pb2

from shardline.embedding.config.optimizers import OPTIMIZERS
from shardline.embedding.tpu.algorithms import algorithm_of

MESSAGE = optimization_parameters_pb2.OptimizationParameters


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_ops_and_fields_of_these_names_exist(optimizer):
    algorithm = algorithm_of(optimizer())
    assert algorithm.field in MESSAGE.DESCRIPTOR.fields_by_name
    assert hasattr(tf.raw_ops, f"LoadTPUEmbedding{algorithm.op}Parameters")
    assert hasattr(tf.raw_ops, f"RetrieveTPUEmbedding{algorithm.op}Parameters")


def test_subclass_has_the_names_of_its_base():
    class Mine(tf.tpu.experimental.embedding.FTRL):
        pass

    assert algorithm_of(Mine()).field == "ftrl"
