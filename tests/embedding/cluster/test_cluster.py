"""The engine over hosts that are processes of their own, and what happens without."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from shardline.embedding.cluster import HostLostError

pytestmark = pytest.mark.timeout(300)

# By itself a call waits for ever; where nothing else runs, a loss is seen within 24 s.
LOST_WITHIN_S = 120


def logical(scenario, count, drawn, **options):
    """Trains on logical hosts of this process; returns training and activations."""
    hosts = [f"/CPU:{index}" for index in range(count)]
    training = scenario.Training(hosts, **options)
    training.fill()
    return training, scenario.train(training, drawn)


def assert_same(left, right):
    tf.nest.map_structure(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=0, atol=1e-6), left, right
    )


def start(cluster, hosts=3, optimizer="Adagrad", **options):
    cluster.ask("create", hosts=hosts, optimizer=optimizer, **options)
    cluster.ask("fill")


def test_connected_chief_lists_the_hosts_after_itself(cluster):
    own = "/job:chief/replica:0/task:0/device:CPU:0"
    assert cluster.devices == [own, *(cluster.device(host) for host in range(3))]


def test_host_says_where_it_serves(cluster):
    cluster.await_host(1)
    assert f"worker 1 serves at {cluster.address(1)}" in cluster.output(1)


@pytest.mark.parametrize(
    ("hosts", "optimizer"),
    [(2, "Adam"), (3, "Adagrad"), (3, "by occurrence")],
)
def test_training_over_tasks_equals_logical_hosts(cluster, scenario, hosts, optimizer):
    drawn = scenario.batches(4)
    expected, activations = logical(scenario, hosts, drawn, optimizer=optimizer)
    start(cluster, hosts, optimizer)
    assert_same(cluster.ask("train", drawn=drawn), activations)
    assert_same(cluster.ask("state"), expected.state())


def test_pipelined_training_over_tasks_equals_logical_hosts(cluster, scenario):
    drawn = scenario.batches(4)
    options = {"optimizer": "Adagrad", "pipelined": True}
    expected, activations = logical(scenario, 3, drawn, **options)
    start(cluster, 3, **options)
    assert_same(cluster.ask("train", drawn=drawn), activations)
    assert_same(cluster.ask("state"), expected.state())


def test_enqueue_ahead_over_tasks_equals_alternating_steps(cluster, scenario):
    """More batches than the queues hold: an enqueue waits on the hosts meanwhile."""
    drawn = scenario.batches(10)
    expected, activations = logical(scenario, 3, drawn, optimizer="Adagrad")
    start(cluster)
    assert_same(cluster.ask("train_ahead", drawn=drawn), activations)
    assert_same(cluster.ask("state"), expected.state())


def test_tables_and_slots_lie_on_their_hosts(cluster):
    start(cluster, optimizer="Adam")
    on_hosts = [cluster.device(host) for host in range(3)]
    assert cluster.ask("devices") == {
        f"{table}{slot}": on_hosts[:hosts]
        for table, hosts in (("items", 3), ("users", 2))
        for slot in ("", "/momenta", "/velocities")
    }


@pytest.mark.parametrize("hosts", [2, 3])
def test_a_warm_start_moves_rows_to_the_hosts_that_hold_them(
    cluster, scenario, tmp_path, hosts
):
    saved, _ = logical(scenario, 2, scenario.batches(2), optimizer="Adam")
    prefix = saved.checkpoint.write(str(tmp_path / "step"))
    random = np.random.default_rng(hosts)
    sources = np.full(101, -1)
    sources[:90] = random.permutation(101)[:90]
    means = np.array([100, 92]), np.arange(0, 90, 2)
    cluster.ask("create", hosts=hosts, optimizer="Adam")
    fresh = cluster.ask("state")

    cluster.ask("begin_with", path=prefix, sources=sources, means=means)

    before, after = saved.state(), cluster.ask("state")
    for name in (name for name in after if name.startswith("items")):
        np.testing.assert_array_equal(after[name][:90], before[name][sources[:90]])
        kept = [row for row in range(90, 101) if row not in (92, 100)]
        np.testing.assert_array_equal(after[name][kept], fresh[name][kept])
    mean = before["items"][sources[:90:2]].astype(np.float64).mean(axis=0)
    np.testing.assert_array_equal(after["items"][92], mean.astype(np.float32))
    np.testing.assert_array_equal(after["items"][100], mean.astype(np.float32))
    np.testing.assert_array_equal(after["users"], fresh["users"])


def test_each_host_writes_its_own_checkpoint_file(cluster, processes, tmp_path):
    start(cluster, items=300_000, dim=8)
    everyone = (0, 1, 2, None)
    before = [processes.written_bytes(cluster.pid(task)) for task in everyone]
    cluster.ask("write", path=str(tmp_path / "all"))
    written = [
        processes.written_bytes(cluster.pid(task)) - earlier
        for task, earlier in zip(everyone, before, strict=True)
    ]
    # 100,000 rows of 8 floats, parameters and accumulators.
    shard_bytes = 100_000 * 8 * 4 * 2
    for host in range(3):
        assert written[host] == pytest.approx(shard_bytes, rel=0.01)
    assert written[3] < shard_bytes / 100
    files = sorted(tmp_path.glob("all.data-*"), key=lambda path: path.stat().st_size)
    sizes = [path.stat().st_size for path in files[-3:]]
    assert sizes == pytest.approx([shard_bytes] * 3, rel=0.01)


class TestTraffic:
    """Bytes between the tasks, as the kernel counts them."""

    # Row, activation row and coefficient of an id, all it takes to pool it.
    ID_BYTES = 4 + 4 + 4
    # Headers and messages of a step on three hosts, whatever the batch is.
    STEP_BYTES = 25_000
    # What varies between two equal measurements.
    NOISE_BYTES = 1_000
    DIM = 256

    @pytest.fixture
    def measured(self, cluster, traffic):
        """Returns a function: bytes of a step with so many ids per example."""
        if not traffic.supported():
            pytest.skip("this kernel does not tell the bytes of its connections")

        def measure(ids_per_example, optimizer="SGD", items=1_000):
            options = {"optimizer": optimizer, "items": items, "dim": self.DIM}
            cluster.ask("create", hosts=3, **options)
            return cluster.ask("bytes_per_step", ids_per_example=ids_per_example)

        return measure

    def test_step_moves_ids_and_pooled_values_and_gradients(self, scenario, measured):
        ids_per_example = 100
        ids = scenario.BATCH * (ids_per_example + 1 + 1)
        # Pooled values come from every host with rows, gradients go to every one:
        # clicks and the sequence from three hosts, users from two.
        activation_rows = scenario.BATCH * (3 * (1 + scenario.LENGTH) + 2 * 1)
        pooled_bytes = 2 * activation_rows * self.DIM * 4
        assert measured(ids_per_example) < (
            pooled_bytes + ids * self.ID_BYTES + self.STEP_BYTES
        )

    def test_another_id_moves_no_row(self, scenario, measured):
        more = scenario.BATCH * (500 - 100)
        grown = measured(500) - measured(100)
        assert grown < more * self.ID_BYTES * 1.1 + self.NOISE_BYTES

    def test_vocabulary_and_slots_do_not_count(self, measured):
        small = measured(100, "SGD", items=1_000)
        large = measured(100, "Adam", items=20_000)
        assert large == pytest.approx(small, abs=3 * self.NOISE_BYTES)

    def test_new_tables_and_checkpoints_stay_on_their_hosts(
        self, cluster, traffic, tmp_path
    ):
        if not traffic.supported():
            pytest.skip("this kernel does not tell the bytes of its connections")
        options = {"hosts": 3, "optimizer": "Adam", "items": 300_000, "dim": 16}
        path = str(tmp_path / "all")
        moved = {
            name: cluster.ask("bytes_of", request=name, **arguments)
            for name, arguments in (
                ("create", options),
                ("write", {"path": path}),
                ("read", {"path": path}),
            )
        }
        table_bytes = 300_000 * 16 * 4
        assert max(moved.values()) < table_bytes / 20, moved


def test_killed_host_is_named_and_training_resumes(cluster, scenario, tmp_path):
    drawn = scenario.batches(6)
    expected, activations = logical(scenario, 3, drawn, optimizer="Adagrad")
    start(cluster)
    cluster.ask("train", drawn=drawn[:3])
    cluster.ask("write", path=str(tmp_path / "third"))

    cluster.begin("train_on", drawn=drawn[3:])
    time.sleep(1)
    cluster.kill_host(1)
    killed_s = time.monotonic()
    named = rf"1 of 3 workers lost: worker 1 at {cluster.address(1)}"
    with pytest.raises(HostLostError, match=re.escape(named)) as caught:
        cluster.finish()
    assert time.monotonic() - killed_s < LOST_WITHIN_S
    assert caught.value.hosts == [cluster.device(1)]

    cluster.start_host(1)
    cluster.await_host(1)
    with pytest.raises(HostLostError, match=f"{cluster.address(1)}: it was restarted"):
        cluster.ask("train", drawn=drawn[3:])

    cluster.heal()
    cluster.ask("create", hosts=3, optimizer="Adagrad")
    cluster.ask("read", path=str(tmp_path / "third"))
    assert_same(cluster.ask("train", drawn=drawn[3:]), activations[3:])
    assert_same(cluster.ask("state"), expected.state())


def test_reconnect_frees_the_tables_of_a_dropped_engine(cluster, processes):
    # 333,334 rows of 16 floats on a host, parameters and accumulators.
    share_bytes = 333_334 * 16 * 4 * 2
    held = []
    for _ in range(4):
        cluster.ask("create", hosts=3, optimizer="Adagrad", items=1_000_000, dim=16)
        held.append(processes.resident_bytes(cluster.pid(0)))
        cluster.ask("reconnect")
    assert held[-1] - held[0] < 1.5 * share_bytes


def test_host_lost_during_a_save_leaves_the_last_checkpoint(
    cluster, scenario, tmp_path
):
    start(cluster)
    kept = cluster.ask("save", folder=str(tmp_path))
    saved = cluster.ask("state")
    cluster.ask("train", drawn=scenario.batches(1))

    # Stopped first, so that the save has begun and waits when the host dies.
    cluster.signal_host(2, signal.SIGSTOP)
    cluster.begin("save", folder=str(tmp_path))
    time.sleep(1)
    cluster.kill_host(2)
    with pytest.raises(HostLostError, match=re.escape(cluster.address(2))):
        cluster.finish()

    assert cluster.ask("latest") == kept == tf.train.latest_checkpoint(str(tmp_path))
    cluster.heal()
    cluster.ask("create", hosts=3, optimizer="Adagrad")
    cluster.ask("read", path=kept)
    assert_same(cluster.ask("state"), saved)


def test_restarted_chief_goes_on_with_the_same_hosts(cluster, scenario, tmp_path):
    drawn = scenario.batches(4)
    expected, activations = logical(scenario, 3, drawn, optimizer="Adagrad")
    start(cluster)
    cluster.ask("train", drawn=drawn[:2])
    cluster.ask("write", path=str(tmp_path / "second"))
    cluster.begin("train_on", drawn=drawn)
    time.sleep(0.5)
    cluster.restart_chief()
    cluster.ask("create", hosts=3, optimizer="Adagrad")
    cluster.ask("read", path=str(tmp_path / "second"))
    assert_same(cluster.ask("train", drawn=drawn[2:]), activations[2:])
    assert_same(cluster.ask("state"), expected.state())


def test_hung_host_is_named_and_may_come_back(cluster, scenario):
    start(cluster)
    drawn = scenario.batches(1)
    cluster.ask("train", drawn=drawn)
    cluster.signal_host(0, signal.SIGSTOP)
    seconds, error = cluster.ask("seconds_to_loss", drawn=drawn)
    assert seconds < LOST_WITHIN_S
    assert isinstance(error, HostLostError)
    assert error.hosts == [cluster.device(0)]
    assert f"{cluster.address(0)}: it does not answer" in str(error)

    cluster.signal_host(0, signal.SIGCONT)
    cluster.ask("reconnect")
    expected, _ = logical(scenario, 3, drawn, optimizer="Adagrad")
    start(cluster)
    cluster.ask("train", drawn=drawn)
    assert_same(cluster.ask("state"), expected.state())


def test_bad_id_is_no_lost_host_and_leaves_the_queues_usable(cluster, scenario):
    drawn = scenario.batches(3)
    expected, _ = logical(scenario, 3, drawn, optimizer="Adagrad")
    start(cluster)
    cluster.ask("train", drawn=drawn[:1])
    bad = drawn[0] | {"user": [scenario.USERS] * scenario.BATCH}
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"ids of table .*users"):
        cluster.ask("train", drawn=[bad])
    cluster.ask("train", drawn=drawn[1:])
    assert_same(cluster.ask("state"), expected.state())


def test_tasks_write_a_cut_while_they_train(cluster, scenario, cut_files, tmp_path):
    drawn = scenario.batches(4)
    start(cluster)
    cluster.ask("train", drawn=drawn[:2])
    state, rows = cluster.ask("cut", differential=False, folder=str(tmp_path))
    assert rows == {"items": 101, "users": scenario.USERS}
    written = cluster.ask("write_cut", drawn=drawn, folder=str(tmp_path))
    held = cut_files.held(written, dict.fromkeys(rows, 8))
    named = {f"{t}/{s}" if s != "parameters" else t: v for (t, s), v in held.items()}
    assert named.keys() == state.keys()
    for name, values in state.items():
        np.testing.assert_array_equal(named[name], values)


def test_tasks_write_the_rows_touched_since_a_cut(
    cluster, scenario, cut_files, tmp_path
):
    drawn = scenario.batches(4)
    start(cluster)
    cluster.ask("cut", differential=False, folder=str(tmp_path))
    cluster.ask("write_cut", drawn=drawn[:1], folder=str(tmp_path))
    before = cluster.ask("touched_rows")
    state, rows = cluster.ask("cut", differential=True, folder=str(tmp_path))
    assert rows == before
    assert 0 < rows["items"] < 101
    written = cluster.ask("write_cut", drawn=drawn, folder=str(tmp_path))
    held = cut_files.held(written, dict.fromkeys(rows, 8))
    np.testing.assert_array_equal(
        held["items", "parameters"], state["items"][held["items", "rows"]]
    )
    clicked = {
        row for part in ("clicks", "history") for ids in drawn[0][part] for row in ids
    }
    assert set(held["items", "rows"].tolist()) <= clicked


def test_task_whose_disk_does_not_answer_trains_on(cluster, scenario, tmp_path):
    start(cluster)
    cluster.ask("cut", differential=False, folder=str(tmp_path))
    error = cluster.ask("hang_cut", drawn=scenario.batches(3), folder=str(tmp_path))
    assert str(tmp_path / "hangs") in error
    assert cluster.ask("touched_rows") == {"items": 101, "users": scenario.USERS}


def test_step_does_not_overtake_what_was_assigned_before_it(cluster):
    seen = cluster.ask("seen_by_steps", host=cluster.device(1), times=5)
    assert seen == [1.0] * 5


def test_error_of_an_operation_on_a_host_is_raised_by_its_call(cluster):
    with pytest.raises(tf.errors.NotFoundError, match="/nowhere/at/all"):
        cluster.ask("read_nothing", host=cluster.device(1))
    assert cluster.ask("seen_by_steps", host=cluster.device(1), times=1) == [1.0]


def test_module_serves_until_sigterm(processes):
    ports = processes.free_ports(2)
    host = subprocess.Popen(
        [sys.executable, "-m", "shardline.embedding.cluster"],
        env=os.environ | {"TF_CONFIG": processes.tf_config(ports, "worker", 0)},
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
    )
    try:
        assert host.stdout.readline() == f"worker 0 serves at 127.0.0.1:{ports[1]}\n"
        host.terminate()
        assert host.wait(120) == 0
    finally:
        host.kill()
        host.communicate(timeout=120)


def test_chief_whose_port_is_taken_says_so(processes, tmp_path):
    cluster = processes.TestCluster(1, tmp_path)
    try:
        with socket.create_server(("", cluster.ports[0])):
            message = f"cannot connect from 127.0.0.1:{cluster.ports[0]}"
            with pytest.raises(RuntimeError, match=re.escape(message)):
                cluster.ask("connect")
    finally:
        cluster.close()
