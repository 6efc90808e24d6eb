"""Graphs of the engine and of single operations, and what the graph check says."""

import pytest
import tensorflow as tf

from shardline.embedding.tpu.graph_check import check_tpu_graph

HOSTS = [f"/job:worker/replica:0/task:{task}/device:CPU:0" for task in range(2)]


def traced(function, *signature):
    return (
        tf.function(function, autograph=False).get_concrete_function(*signature).graph
    )


def refusal(graph, engine, *combiners):
    with pytest.raises(ValueError, match="A TPU would not run this graph") as caught:
        check_tpu_graph(graph, engine.config, *combiners)
    return str(caught.value)


def raw_enqueue(device=HOSTS[0], **changed):
    options = {
        "sample_indices_or_row_splits": [tf.zeros([0], tf.int32)],
        "embedding_indices": [tf.zeros([4], tf.int64)],
        "aggregation_weights": [tf.zeros([0], tf.float32)],
        "mode_override": "train",
        "device_ordinal": 0,
        "combiners": ["sum"],
    }

    def build():
        with tf.device(device):
            tf.raw_ops.EnqueueTPUEmbeddingArbitraryTensorBatch(**options | changed)

    return traced(build)
