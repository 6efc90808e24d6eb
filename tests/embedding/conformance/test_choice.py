"""The place that options of the command line name."""

import pytest

from shardline.embedding.cluster import Cluster, HostLostError
from shardline.embedding.conformance import tpu_placement
from shardline.embedding.conformance.choice import chosen_placement
from shardline.embedding.tpu.connection import TPUMissingError


def test_two_logical_hosts_are_the_default():
    assert chosen_placement(None, False, None).name == "2 logical hosts"
    assert chosen_placement(1, False, None).name == "1 logical host"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((2, True, None), "--hosts and --cluster exclude"),
        ((None, True, "local"), "--cluster and --tpu exclude"),
        ((2, False, ""), "--hosts and --tpu exclude"),
        ((1, True, "local"), "--hosts and --cluster and --tpu exclude"),
    ],
)
def test_more_than_one_place_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        chosen_placement(*options)


@pytest.mark.parametrize("tpu", ["", " "])
def test_tpu_without_a_name_is_refused_and_no_host_is_checked(tpu):
    with pytest.raises(ValueError, match="--tpu is empty"):
        chosen_placement(None, False, tpu)


def test_more_hosts_than_the_process_can_have_are_refused():
    with pytest.raises(RuntimeError, match="4 are needed"):
        chosen_placement(4, False, None)


def test_cluster_needs_its_variable(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    with pytest.raises(ValueError, match="TF_CONFIG is not set"):
        chosen_placement(None, True, None)


def test_cluster_is_connected(monkeypatch):
    def connect(self):
        raise HostLostError(f"1 of 1 workers lost. {self.remedy}")

    monkeypatch.setenv(
        "TF_CONFIG",
        '{"cluster": {"chief": ["127.0.0.1:1"], "worker": ["127.0.0.1:2"]}, '
        '"task": {"type": "chief", "index": 0}}',
    )
    monkeypatch.setattr(Cluster, "connect", connect)
    with pytest.raises(HostLostError, match="and run the command again"):
        chosen_placement(None, True, None)


def test_tpu_is_connected(monkeypatch):
    with pytest.raises(TPUMissingError, match="without support for TPUs"):
        chosen_placement(None, False, "local")
    monkeypatch.setattr(tpu_placement, "TPUPlacement", lambda name: f"TPU {name}")
    assert chosen_placement(None, False, "mine") == "TPU mine"
