"""The strategy and the options decide about the backend."""

import pytest
import tensorflow as tf

from shardline.embedding.backend_choice import backend_for
from shardline.embedding.config.specs import collect_tables, flatten_features
from shardline.embedding.host.backend import HostBackend
from shardline.embedding.host.pipelined import PipelinedHostBackend

SGD = tf.tpu.experimental.embedding.SGD(0.1)


def chosen(cases, optimizer=SGD, **options):
    """Returns the backend for one feature."""
    features = flatten_features({"clicks": cases.feature(cases.table())})
    defaults = {"hosts": None, "pipelined": False, "policies": None}
    return backend_for(
        features,
        collect_tables(features, optimizer),
        **(defaults | {"initialize_tpu_embedding": True} | options),
    )


@pytest.mark.parametrize(
    ("pipelined", "kind"), [(False, HostBackend), (True, PipelinedHostBackend)]
)
def test_hosts_serve_outside_of_a_tpu_strategy(cases, pipelined, kind):
    backend = chosen(cases, pipelined=pipelined, hosts=["/CPU:1"])
    assert type(backend) is kind
    assert [host[-5:] for host in backend.hosts] == ["CPU:1"]
    assert backend.owns_tables is False
