"""TensorFlow's TPUEmbedding and ours behind one face, to build one graph with both.

Both are built inside a graph, where nothing runs: variables, the configuration and the
copy into the TPU are ops of that graph.
"""

from unittest import mock

import tensorflow as tf
from tensorflow.python.distribute.values import PerReplica
from tensorflow.python.tpu.ops import tpu_ops

from shardline import embedding
from shardline.embedding.tpu import backend as tpu_backend

tpu = tf.tpu.experimental.embedding
_CALLS = ("PartitionedCall", "StatefulPartitionedCall")


def per_replica(values):
    """Returns what a distributed dataset gives: one value a replica."""
    return PerReplica(values) if len(values) > 1 else values[0]


class Upstream:
    """`tf.tpu.experimental.embedding.TPUEmbedding`."""

    def __init__(self, strategy, config, optimizer, shapes, pipelined=False):
        self.graph = tf.Graph()
        with self.graph.as_default(), strategy.scope():
            self.engine = tpu.TPUEmbedding(config, optimizer, pipelined)
            never = mock.patch.object(
                tpu_ops, "is_tpu_embedding_initialized", return_value=False
            )
            with never:
                self.engine.build(shapes)
        self.build_calls = _calls(self.graph)
        self.config = self.engine._config_proto.SerializeToString()

    def enqueue(self, features, weights=None, training=True, name=None, device=None):
        self.engine.enqueue(features, weights, training, name, device)

    def dequeue(self, name=None):
        return self.engine.dequeue(name)

    def apply_gradients(self, gradients, name=None):
        self.engine.apply_gradients(gradients, name)

    def retrieve(self):
        self.engine._retrieve_variables()

    def retrieve_calls(self):
        """Returns the nodes that copying the tables back adds to the graph."""
        known = set(self.build_calls)
        with self.graph.as_default():
            self.retrieve()
        return [op for op in _calls(self.graph) if op not in known]


class Ours(Upstream):
    """`embedding.TPUEmbedding`."""

    def __init__(self, strategy, config, optimizer, shapes, pipelined=False):
        self.graph = tf.Graph()
        with self.graph.as_default(), strategy.scope():
            self.engine = embedding.TPUEmbedding(config, optimizer, pipelined)
            never = mock.patch.object(
                tpu_backend, "is_engine_initialized", return_value=False
            )
            with never:
                self.engine.build(shapes)
        self.build_calls = _calls(self.graph)
        self.config = self.engine._backend.config

    def retrieve(self):
        self.engine._backend.retrieve()


def _calls(graph):
    return [op for op in graph.get_operations() if op.type in _CALLS]
