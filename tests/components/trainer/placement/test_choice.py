"""Where a training runs follows from its configuration, and TF_CONFIG."""

import json
from typing import Any

import pytest

from shardline.components.trainer.placement.choice import (
    check_output,
    cluster_of,
    host_count,
    placed,
)
from shardline.components.trainer.placement.cluster import ClusterHosts
from shardline.components.trainer.placement.logical import LogicalHosts
from shardline.configs.schema import ClusterTasks, Training
from shardline.embedding import cluster as engine

NAMED = ClusterTasks(chief="a:1", workers=["b:1", "c:1"])
OF_ENVIRONMENT = ClusterTasks.model_validate("TF_CONFIG")


def training(**where: Any) -> Training:
    return Training(batch_size=1, steps=1, **where)


@pytest.fixture
def tf_config(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Sets the variable."""

    def set_task(kind: str, index: int) -> None:
        jobs = {"chief": ["a:1"], "worker": ["b:1", "c:1"]}
        text = json.dumps({"cluster": jobs, "task": {"type": kind, "index": index}})
        monkeypatch.setenv("TF_CONFIG", text)

    return set_task


def test_rows_lie_in_this_process_unless_said_otherwise() -> None:
    placement = placed(training(hosts=2))

    assert isinstance(placement, LogicalHosts)
    assert len(placement.hosts) == host_count(training(hosts=2)) == 2


def test_workers_of_a_cluster_are_hosts_in_their_order() -> None:
    placement = placed(training(cluster=NAMED))

    assert isinstance(placement, ClusterHosts)
    assert placement.hosts == [
        f"/job:worker/replica:0/task:{index}/device:CPU:0" for index in (0, 1)
    ]
    assert host_count(training(cluster=NAMED)) == 2


def test_environment_tells_the_same_cluster(tf_config: Any) -> None:
    tf_config("chief", 0)

    told = cluster_of(OF_ENVIRONMENT)

    assert told == cluster_of(NAMED)
    assert told == engine.Cluster("a:1", ("b:1", "c:1"), "chief", 0)


def test_environment_of_a_worker_is_refused(tf_config: Any) -> None:
    tf_config("worker", 1)

    with pytest.raises(ValueError, match="this process is worker 1"):
        host_count(training(cluster=OF_ENVIRONMENT))


def test_environment_that_says_nothing_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("TF_CONFIG", raising=False)

    with pytest.raises(ValueError, match="TF_CONFIG is not set"):
        placed(training(cluster=OF_ENVIRONMENT))


@pytest.mark.parametrize(
    ("elsewhere", "host"),
    [
        ({"cluster": NAMED}, "worker of a cluster"),
        ({"tpu": "grpc://a:1"}, "host of TPU 'grpc://a:1'"),
    ],
)
def test_checkpoint_that_hosts_cannot_write_is_refused(
    elsewhere: dict[str, Any], host: str
) -> None:
    with pytest.raises(ValueError, match=f"goes to gs://bucket/1, and each {host}"):
        check_output(training(**elsewhere), "gs://bucket/1")

    check_output(training(**elsewhere), "/mnt/run/1")


@pytest.mark.parametrize("here", [{"hosts": 3}, {"tpu": "local"}])
def test_hosts_of_this_machine_write_where_it_can(here: dict[str, Any]) -> None:
    check_output(training(**here), "gs://bucket/1")
