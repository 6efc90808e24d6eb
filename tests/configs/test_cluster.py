"""What is said of a cluster, and what is wrong with it, at its line."""

import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from shardline.configs import ConfigError, load_run
from shardline.configs.schema import ClusterTasks, Conduct, Training
from shardline.embedding.cluster.liveness import split_address

TEXT = """\
name: tiny
data: {reader: some.module.Reader, path: ratings.zip}
features: {user: {table: user}}
tables: {user: {dim: 4, optimizer: {sgd: {}}}}
evaluation: {min_auc: 0.5}
training:
  batch_size: 8
  epochs: 1
"""
NAMED = 'cluster: {chief: "a:1", workers: ["b:1", "c:1"]}'


@pytest.fixture
def load(write: Callable[[str], Path]) -> Callable[[str], Training]:
    """Loads a run whose training has one more line, the ninth."""
    return lambda line: load_run(write(f"{TEXT}  {line}\n")).training


def test_cluster_is_named_or_of_the_environment(
    load: Callable[[str], Training],
) -> None:
    named, told = load(NAMED).cluster, load("cluster: TF_CONFIG").cluster

    assert named == ClusterTasks(chief="a:1", workers=["b:1", "c:1"])
    assert not named.is_of_environment
    assert told.is_of_environment


@pytest.mark.parametrize("cluster", ["TF_CONFIG", {"chief": "a:1", "workers": ["b:1"]}])
def test_cluster_comes_back_from_json(cluster: object) -> None:
    given = Training(batch_size=1, steps=1, cluster=cluster)

    assert Training.model_validate_json(given.as_parameter()) == given
    conduct = given.conduct
    assert Conduct.model_validate_json(conduct.as_parameter()) == conduct
    assert Conduct.model_validate_json(conduct.model_dump_json()) == conduct


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("cluster: TFCONFIG", "is `TF_CONFIG`, or the addresses of `chief` and"),
        ("cluster: {}", "is `TF_CONFIG`, or the addresses of `chief` and"),
        ("cluster: [a]", "a section with keys of its own (chief, workers), got"),
        ('cluster: {chief: "a:1"}', "and `workers`, of which there is at least one"),
        ('cluster: {chief: "a:1", workers: []}', "of which there is at least one"),
        ('cluster: {workers: ["b:1"]}', "a cluster has a `chief`"),
        ('cluster: {chief: "a:1", worker: ["b:1"]}', "did you mean `workers`?"),
        ('cluster: {chief: "a:1", workers: ["a:1"]}', "and a:1 is given twice"),
        ('cluster: {chief: "a", workers: ["b:1"]}', "written name:port"),
        ("cluster: {chief: a:1, workers: [b:123456]}", "got 'b:123456'"),
        (f"hosts: 2\n  {NAMED}", "`hosts` and `cluster` are there"),
        (f"tpu: local\n  {NAMED}", "`cluster` and `tpu` are there"),
        ("tpu: ''", "should have at least 1 character"),
    ],
)
def test_fault_is_told_with_its_line(
    load: Callable[[str], Training], line: str, fault: str
) -> None:
    with pytest.raises(ConfigError) as raised:
        load(line)

    (told,) = str(raised.value).splitlines()
    assert fault in told
    assert int(told.split(":")[1]) in (6, 9)


@pytest.mark.parametrize(
    "address",
    ["a:1", "10.0.0.1:65535", "[::1]:80", "a", "a:", ":1", "a:0", "a:65536", "a:b", ""],
)
def test_an_address_is_what_the_engine_connects_to(address: str) -> None:
    is_known = is_taken = False
    with contextlib.suppress(ValueError):
        is_known = bool(split_address(address))
    with contextlib.suppress(ValidationError):
        is_taken = bool(ClusterTasks(chief=address, workers=["other:1"]))

    assert is_taken == is_known
