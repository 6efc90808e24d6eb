"""Logical hosts by their names; what TensorFlow does not know is refused."""

import pytest

from shardline.embedding.hosts import (
    checked_hosts,
    configure_logical_hosts,
    logical_hosts,
    task_of,
)


def test_process_of_the_tests_has_three_hosts():
    hosts = logical_hosts()
    assert [host.rpartition("/")[2] for host in hosts] == [
        f"device:CPU:{number}" for number in range(3)
    ]
    assert configure_logical_hosts(2) == hosts[:2]


def test_number_below_1_is_refused():
    with pytest.raises(ValueError, match="must be at least 1, got 0"):
        configure_logical_hosts(0)


def test_more_hosts_than_the_runtime_has_are_refused():
    with pytest.raises(RuntimeError, match=r"runs with 3 CPU device\(s\), 9 are"):
        configure_logical_hosts(9)


def test_short_names_become_full_ones():
    assert checked_hosts(["/CPU:1", "CPU:0"]) == [logical_hosts()[at] for at in (1, 0)]
    assert checked_hosts(None) == logical_hosts()


@pytest.mark.parametrize("hosts", [[], "/CPU:0"])
def test_what_is_no_list_of_names_is_refused(hosts):
    with pytest.raises(ValueError, match="hosts must be a list of device names"):
        checked_hosts(hosts)


def test_unknown_device_is_refused_beside_the_known_ones():
    with pytest.raises(ValueError, match=r"hosts \['/CPU:7'\] are not .*CPU:0"):
        checked_hosts(["/CPU:0", "/CPU:7"])


def test_task_is_the_name_without_the_device():
    assert task_of("/job:worker/replica:0/task:3/device:CPU:1") == (
        "/job:worker/replica:0/task:3"
    )
    assert len({task_of(host) for host in logical_hosts()}) == 1
