"""The embedding engine: host-sharded tables behind the TPU embedding API.

Takes the public configuration objects of `tf.tpu.experimental.embedding`. Needs
TensorFlow and numpy only; knows nothing of pipelines, artifacts or YAML.
"""

from shardline.embedding.checkpoint.host_files import host_sharded_options
from shardline.embedding.engine import TPUEmbedding
from shardline.embedding.hosts import configure_logical_hosts
from shardline.embedding.serving.lookup import serving_embedding_lookup

__all__ = [
    "TPUEmbedding",
    "configure_logical_hosts",
    "host_sharded_options",
    "serving_embedding_lookup",
]
