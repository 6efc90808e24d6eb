"""Where engines are made on hosts."""

import pytest

from shardline.embedding.cluster import Cluster
from shardline.embedding.conformance.configuration import StepNumber, feature_config
from shardline.embedding.conformance.golden import read_groups
from shardline.embedding.conformance.placement import cluster_placement

CASE = read_groups(["inputs"])[0].cases[0]


@pytest.mark.parametrize(
    ("hosts", "others"),
    [
        (1, ["2 hosts", "3 hosts"]),
        (2, ["1 host", "3 hosts"]),
        (3, ["1 host", "2 hosts"]),
    ],
)
def test_checkpoints_move_to_other_numbers_of_hosts(hosts, others, on_hosts):
    assert [other.name for other in on_hosts(hosts).others()] == others


def test_engine_lies_on_the_hosts(on_hosts):
    placement = on_hosts(2)
    config = feature_config([CASE], StepNumber())
    engine = placement.engine(config, pipelined=False, policies=None)
    assert [host[-5:] for host in engine.hosts] == ["CPU:0", "CPU:1"]
    assert placement.refusal(CASE, False) == ""
    assert not placement.is_tpu


def test_hosts_of_a_cluster_are_called_through_it(monkeypatch):
    called = []
    monkeypatch.setattr(
        Cluster,
        "run",
        lambda self, function, *arguments: called.append(function(*arguments)),
    )
    workers = ("10.0.0.2:2222", "10.0.0.3:2222", "10.0.0.4:2222")
    placement = cluster_placement(Cluster("10.0.0.1:2222", workers, "chief", 0))
    assert placement.name == "a cluster of 3 hosts"
    placement.run(len, "four")
    fewer = placement.others()
    assert [other.name for other in fewer] == ["1 host", "2 hosts"]
    fewer[0].run(len, "seven")
    assert called == [4, 5]
