"""TPUs that are not there are named at once."""

import socket
import urllib.error

import pytest
import tensorflow as tf

from shardline.embedding.tpu.connection import (
    TPUMissingError,
    connect,
    is_built_for_tpus,
)


@pytest.fixture
def silent_address():
    """An address where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield "{}:{}".format(*taken.getsockname())


@pytest.fixture
def resolver_of(fake_tpu, monkeypatch):
    """Makes resolvers of a system with workers at given addresses."""

    def make(*workers):
        def resolver(tpu):
            made = fake_tpu.FakeResolver(1, 1)
            spec = {"worker": list(workers)} if workers else {}
            monkeypatch.setattr(
                made, "cluster_spec", lambda: tf.train.ClusterSpec(spec)
            )
            return made

        return resolver

    return make


def test_wheel_without_tpus_is_named():
    assert not is_built_for_tpus()
    with pytest.raises(TPUMissingError, match=r"without support for TPUs.*tensorflow-"):
        connect("local")


def test_name_that_cannot_be_looked_up_is_named():
    def resolver(tpu):
        raise urllib.error.URLError("Name or service not known")

    with pytest.raises(TPUMissingError, match=r"TPU 'mine' cannot be found: .*known"):
        connect("mine", resolver)


def test_missing_client_library_is_named():
    def resolver(tpu):
        raise RuntimeError("Missing runtime dependency.\nMore.")

    with pytest.raises(TPUMissingError, match=r"found: Missing runtime dependency\. A"):
        connect("mine", resolver)


def test_host_that_does_not_answer_is_named_within_the_limit(
    resolver_of, silent_address
):
    with pytest.raises(
        TPUMissingError, match=f"does not answer: {silent_address}: it cannot be"
    ):
        connect("mine", resolver_of(silent_address), within_s=0.2)


def test_system_that_cannot_be_initialised_is_named(resolver_of, monkeypatch):
    def refuse(resolver):
        raise tf.errors.NotFoundError(None, None, "No TPU devices.\nA trace.")

    monkeypatch.setattr(tf.config, "experimental_connect_to_cluster", refuse)
    with pytest.raises(TPUMissingError, match=r"initialised: No TPU devices\. Is it"):
        connect("mine", resolver_of())


def test_system_that_answers_is_connected_and_initialised(resolver_of, monkeypatch):
    called = []
    monkeypatch.setattr(
        tf.config, "experimental_connect_to_cluster", lambda _: called.append("connect")
    )
    monkeypatch.setattr(
        tf.tpu.experimental,
        "initialize_tpu_system",
        lambda _: called.append("initialize"),
    )
    assert connect("mine", resolver_of()).get_job_name() == "worker"
    assert called == ["connect", "initialize"]
