"""Every fault of a TF_CONFIG, told at once."""

import json

import pytest

from shardline.embedding.cluster import Cluster
from shardline.embedding.cluster.tf_config import read_tf_config

CHIEF, WORKERS = "ten:1", ["eleven:2", "[::1]:3"]


def text(cluster=None, task=None, **more):
    """Returns the JSON of a good configuration with parts replaced."""
    good = {"chief": [CHIEF], "worker": WORKERS}
    place = {"type": "worker", "index": 1}
    return json.dumps(
        {
            "cluster": good if cluster is None else cluster,
            "task": place if task is None else task,
            **more,
        }
    )


def test_good_text_gives_addresses_and_place():
    assert read_tf_config(text()) == (CHIEF, tuple(WORKERS), "worker", 1)


def test_keys_of_other_platforms_are_left_alone():
    task = {"type": "chief", "index": 0, "trial": "1"}
    got = read_tf_config(text(task=task, environment="cloud"))
    assert got.task_type == "chief"


def test_cluster_reads_the_environment(monkeypatch):
    monkeypatch.setenv("TF_CONFIG", text())
    cluster = Cluster.from_tf_config()
    assert cluster == Cluster(CHIEF, tuple(WORKERS), "worker", 1)
    assert cluster.hosts == [
        "/job:worker/replica:0/task:0/device:CPU:0",
        "/job:worker/replica:0/task:1/device:CPU:0",
    ]


@pytest.mark.parametrize("value", [None, "", "  "])
def test_missing_variable_is_named_with_an_example(monkeypatch, value):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    if value is not None:
        monkeypatch.setenv("TF_CONFIG", value)
    with pytest.raises(ValueError, match=r"TF_CONFIG is not set.*\"chief\""):
        read_tf_config()


def test_text_that_is_no_json_is_refused():
    with pytest.raises(ValueError, match=r"TF_CONFIG is not JSON: .*column 2"):
        read_tf_config("{cluster}")


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ("[]", "it is a list, not an object"),
        ("{}", "'cluster' must be an object of jobs, got None; 'task' must be"),
        (text(cluster=[]), "'cluster' must be an object of jobs, got []"),
        (text(cluster={"worker": WORKERS}), "'cluster.chief' must be a list"),
        (
            text(cluster={"chief": [CHIEF, "twelve:4"], "worker": WORKERS}),
            "'cluster.chief' must name one task, got 2",
        ),
        (
            text(cluster={"chief": [CHIEF], "worker": []}),
            "'cluster.worker' must be a list of addresses, got []",
        ),
        (
            text(cluster={"chief": [CHIEF], "worker": "eleven:2"}),
            "'cluster.worker' must be a list of addresses, got 'eleven:2'",
        ),
        (
            text(cluster={"chief": [CHIEF], "worker": WORKERS, "ps": ["a:1"]}),
            "'cluster' has a job 'ps', which no task here does",
        ),
        (
            text(cluster={"chief": [CHIEF], "worker": ["eleven", "a:0", "a:x", 5]}),
            "'cluster.worker': 'eleven' is no address: expected 'name:port', port from "
            "1 to 65535; 'cluster.worker': 'a:0' is no address",
        ),
        (
            text(cluster={"chief": [CHIEF], "worker": [5]}),
            "'cluster.worker' has 5, which is no text 'name:port'",
        ),
        (
            text(cluster={"chief": [CHIEF], "worker": ["a:1", "a:1"]}),
            "address 'a:1' is given twice",
        ),
        (text(task=[]), "'task' must be an object with type and index, got []"),
        (
            text(task={"type": "ps", "index": 0}),
            "'task.type' must be 'chief' or 'worker', got 'ps'",
        ),
        (
            text(task={"type": "worker", "index": True}),
            "'task.index' must be an int from 0, got True",
        ),
        (text(task={"type": "worker"}), "'task.index' must be an int from 0, got None"),
        (
            text(task={"type": "worker", "index": 2}),
            "'task.index' is 2, but the job 'worker' has 2 tasks",
        ),
    ],
)
def test_fault_is_named(given, fault):
    with pytest.raises(ValueError, match=r"^TF_CONFIG: ") as caught:
        read_tf_config(given)
    assert fault in str(caught.value)
    assert "Expected such as" in str(caught.value)


def test_all_faults_are_named_at_once():
    given = text(cluster={"chief": [], "worker": ["a"]}, task={"type": "x"})
    with pytest.raises(ValueError, match="TF_CONFIG") as caught:
        read_tf_config(given)
    for fault in ("cluster.chief", "'a'", "task.type", "task.index"):
        assert fault in str(caught.value)
