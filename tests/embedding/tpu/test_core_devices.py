"""Names of cores and hosts."""

import pytest

from shardline.embedding.tpu import core_devices

WORKER = "/job:worker/replica:0/task:{}/device:{}:{}"


def test_core_is_its_host_and_its_number_there():
    core = core_devices.core_of(WORKER.format(2, "TPU", 3))
    assert core == (WORKER.format(2, "CPU", 0), 3)


def test_other_devices_are_refused():
    with pytest.raises(ValueError, match="Non-TPU device /CPU:0 passed to enqueue"):
        core_devices.core_of("/CPU:0")


def test_each_host_stands_once_in_the_order_of_tasks():
    devices = [WORKER.format(task, "TPU", core) for task in (1, 0) for core in (1, 0)]
    expected = [WORKER.format(task, "CPU", 0) for task in (0, 1)]
    assert core_devices.hosts_of(devices) == expected


def test_replica_has_one_core_or_those_it_is_split_over(fake_tpu):
    plain, split = fake_tpu.strategy(1, 2), fake_tpu.spmd_strategy()
    assert core_devices.cores_per_replica_of(plain) is None
    assert list(map(len, core_devices.replica_devices(plain))) == [1, 1]
    assert core_devices.cores_per_replica_of(split) == 2
    assert list(map(len, core_devices.replica_devices(split))) == [2, 2]
