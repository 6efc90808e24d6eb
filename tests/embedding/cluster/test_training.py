"""Training that goes on, to the bit, after hosts were killed at any moment."""

import contextlib
import os
import random
import re
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from shardline_tests import load

from shardline.embedding.checkpoint.sets.folder import SetFolder
from shardline.embedding.checkpoint.sets.saved import SaveError
from shardline.embedding.cluster import HostLostError
from shardline.embedding.cluster.supervisor import Patience
from shardline.embedding.native.library import CHOICE

pytestmark = pytest.mark.timeout(300)

STEPS, EVERY = 60, 10
WITHIN_S = 120
SupervisedCluster = load(Path(__file__).with_name("supervised.py")).SupervisedCluster


class Survivor:
    """A supervised cluster, and one training on it with a test that kills."""

    def __init__(self, cluster, scenario, folder):
        self.cluster = cluster
        self.sets = SetFolder(folder / "sets")
        self.events = folder / "events"
        self.events.touch()
        self._drawn = scenario.batches(STEPS)

    def begin(self, **arguments):
        self.cluster.begin(
            "survive",
            drawn=self._drawn,
            folder=str(self.sets.path),
            events=str(self.events),
            **{"every_steps": EVERY, "step_s": 0.02} | arguments,
        )

    def finish(self):
        """Waits for the end; returns the values and the log's text."""
        told = self.cluster.finish(WITHIN_S)
        return told["values"], "\n".join(told["log"])

    def await_event(self, *words, count=1):
        """Waits until an event was told so many times."""
        line = " ".join(map(str, words))
        deadline_s = time.monotonic() + WITHIN_S
        while self.told().count(line) < count:
            assert time.monotonic() < deadline_s, (line, self.told())
            time.sleep(0.005)

    def await_start(self, count):
        """Waits until training was begun from a restored state so many times."""
        deadline_s = time.monotonic() + WITHIN_S
        while len(self.resumed()) < count:
            assert time.monotonic() < deadline_s, self.told()
            time.sleep(0.005)

    def told(self):
        return self.events.read_text().splitlines()

    def resumed(self):
        return [line for line in self.told() if line.startswith("resumed")]

    def signal(self, number, *hosts):
        for host in hosts:
            # One that was killed just before may not be started again yet.
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.cluster.pid(host), number)

    def kill(self, *hosts):
        self.signal(signal.SIGKILL, *hosts)


@pytest.fixture
def start(scenario, tmp_path, monkeypatch):
    """Starts a supervised cluster of three hosts; returns a Survivor."""
    started = []

    def start(environment=None, **patience):
        patience = {"ends": 100, **patience}
        cluster = SupervisedCluster(3, tmp_path, Patience(**patience))
        started.append(cluster)
        cluster.environment = environment or {}
        cluster.supervise(monkeypatch.setattr)
        # Only the first start of each host is in that environment.
        cluster.environment = {}
        return Survivor(cluster, scenario, tmp_path)

    yield start
    for cluster in started:
        cluster.close()


@pytest.fixture(scope="module")
def undisturbed(started, scenario, tmp_path_factory):
    """What the training gives on a cluster where no host is lost."""
    folder = tmp_path_factory.mktemp("undisturbed")
    told = started.ask(
        "survive",
        within_s=WITHIN_S,
        drawn=scenario.batches(STEPS),
        folder=str(folder / "sets"),
        events=str(folder / "events"),
        every_steps=EVERY,
    )
    assert told["log"] == []
    return told["values"]


def assert_equal(got, expected):
    """Asserts that all values are equal bit by bit."""
    assert got.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_array_equal(got[name], values, err_msg=name)


def lost_at(log):
    """Returns hosts and steps of each line that tells where training goes on."""
    line = (
        r"(\S.*) lost at step (\d+): training goes on from step (\d+), [\d.]+ s later"
    )
    found = re.findall(line, log)
    return [(hosts, int(step), int(start)) for hosts, step, start in found]


def test_undisturbed_training_equals_logical_hosts(undisturbed, scenario):
    training = scenario.Training([f"/CPU:{index}" for index in range(3)], "Adagrad")
    training.fill()
    scenario.train(training, scenario.batches(STEPS))
    expected = training.state()
    assert_equal({name: undisturbed[name] for name in expected}, expected)


def test_host_killed_in_a_step_is_survived_and_told(start, undisturbed):
    survivor = start()
    survivor.begin()
    survivor.await_event("step", 25)
    survivor.kill(1)
    values, log = survivor.finish()
    assert_equal(values, undisturbed)
    ((hosts, step, begun),) = lost_at(log)
    assert hosts == f"worker 1 at {survivor.cluster.address(1)}"
    assert step >= 25
    assert begun in (10, 20)
    assert survivor.resumed() == ["resumed 0", f"resumed {begun}"]
    assert survivor.sets.sets()[-1].step == STEPS


@pytest.mark.parametrize("seed", [1, 2])
def test_hosts_killed_at_random_moments_are_survived(start, undisturbed, seed):
    rng = random.Random(seed)
    survivor = start()
    survivor.begin(most_losses=20)
    for _ in range(4):
        survivor.await_event("step", rng.randrange(5, STEPS))
        time.sleep(rng.uniform(0, 0.3))
        survivor.kill(*rng.sample(range(3), rng.choice([1, 1, 2])))
        survivor.await_event("built", count=len(survivor.resumed()) + 1)
    values, log = survivor.finish()
    assert_equal(values, undisturbed)
    assert lost_at(log)


@pytest.mark.parametrize("point", ["shard_opened", "shard_write", "shard_fsync"])
def test_host_that_dies_in_a_save_leaves_no_set_and_is_survived(
    start, undisturbed, point
):
    survivor = start({1: {"SHARDLINE_CRASH_AT": f"{point}:3"}})
    survivor.begin()
    values, log = survivor.finish()
    assert_equal(values, undisturbed)
    ((hosts, _, begun),) = lost_at(log)
    assert (hosts, begun) == (f"worker 1 at {survivor.cluster.address(1)}", 20)
    told = survivor.told()
    # The third set appeared only when its steps had been done once more.
    assert told.index("resumed 20") < next(
        place for place, line in enumerate(told) if line.startswith("saved 30")
    )
    assert [found.condition for found in survivor.sets.found()] == ["complete"] * len(
        survivor.sets.sets()
    )


def test_host_killed_in_a_restore_is_survived_and_no_set_is_blamed(start, undisturbed):
    survivor = start()
    survivor.begin(read_s=0.3)
    survivor.await_event("step", 35)
    survivor.kill(2)
    survivor.await_event("built", count=2)
    time.sleep(0.5)
    survivor.kill(0)
    values, log = survivor.finish()
    assert_equal(values, undisturbed)
    # Of three attempts the second came to no start.
    assert (survivor.told().count("built"), len(survivor.resumed())) == (3, 2)
    assert f"worker 0 at {survivor.cluster.address(0)}" in log
    assert not list(survivor.sets.path.glob("*/damaged.json"))


def test_two_hosts_at_once_and_one_of_them_again_are_survived(start, undisturbed):
    survivor = start()
    survivor.begin()
    survivor.await_event("step", 25)
    survivor.kill(0, 2)
    survivor.await_start(2)
    survivor.kill(2)
    values, log = survivor.finish()
    assert_equal(values, undisturbed)
    name = f"worker 2 at {survivor.cluster.address(2)}"
    assert name in {hosts for hosts, *_ in lost_at(log)}


@pytest.mark.slow
def test_hung_host_is_named_killed_and_survived(start, undisturbed):
    survivor = start(silent_s=18)
    survivor.begin(step_s=0.15)
    survivor.await_event("step", 25)
    survivor.signal(signal.SIGSTOP, 1)
    values, log = survivor.finish()
    assert_equal(values, undisturbed)
    assert "it does not answer" in log
    ((hosts, *_),) = lost_at(log)
    assert hosts == f"worker 1 at {survivor.cluster.address(1)}"


def test_set_that_a_host_finds_damaged_is_told_and_left_out(start, undisturbed):
    survivor = start()
    survivor.begin(step_s=0.1)
    survivor.await_event("step", 35)
    newest = survivor.sets.sets()[-1]
    file = newest.path / "tables.data-00001-of-00003"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    survivor.kill(1)
    values, log = survivor.finish()
    assert_equal(values, undisturbed)
    assert f"checkpoint set {newest.name} is damaged and is left out" in log
    ((_, _, begun),) = lost_at(log)
    assert begun < newest.step


def test_error_of_a_host_that_writes_reaches_the_chief_and_ends_the_training(start):
    # Host 0's rows of a full set take 4 kB.
    survivor = start({0: {"LARGEST_FILE": "1000"}})
    survivor.begin()
    with pytest.raises(
        SaveError, match=r"-full could not be saved: Cannot write .*large"
    ):
        survivor.finish()
    assert survivor.sets.sets() == []


def test_host_that_dies_in_every_save_is_given_up(start):
    survivor = start({1: {"SHARDLINE_CRASH_AT": "shard_write:1"}})
    survivor.cluster.environment = {1: {"SHARDLINE_CRASH_AT": "shard_write:1"}}
    survivor.begin(most_losses=2)
    message = r"Given up at step \d+ after 3 losses of hosts since .* from step 0: each"
    with pytest.raises(HostLostError, match=message) as caught:
        survivor.finish()
    assert caught.value.hosts == [survivor.cluster.device(1)]
    assert survivor.sets.sets() == []


def test_training_with_stock_kernels_survives_too(start, monkeypatch, scenario):
    monkeypatch.setenv(CHOICE, "stock")
    survivor = start()
    survivor.begin()
    survivor.await_event("step", 25)
    survivor.kill(1)
    _, log = survivor.finish()
    assert len(lost_at(log)) == 1
    assert survivor.sets.sets()[-1].step == STEPS
