"""When training goes on after losses, when it is given up, and what is said."""

import gc
import logging
import weakref

import pytest

from shardline.embedding.cluster import HostLostError, WrongHostError, recovery
from shardline.embedding.cluster.recovery import survive_losses

pytestmark = pytest.mark.timeout(60)


class FakeCluster:
    """Counts connections; its hosts are back after some tries."""

    def __init__(self, tries=1):
        self.reconnected = 0
        self.tries = tries
        self.at_reconnect = lambda: None

    def reconnect(self, timeout_s):
        self.at_reconnect()
        self.reconnected += 1
        if self.reconnected % self.tries == 1:
            raise RuntimeError("cannot connect: a host ended meanwhile")
        if self.reconnected % self.tries:
            raise HostLostError("still not there", ["host 1"])


def lost(message="no answer"):
    return HostLostError(message, ["/task:1"])


@pytest.fixture(autouse=True)
def log(caplog, monkeypatch):
    caplog.set_level(logging.INFO, recovery.__name__)
    monkeypatch.setattr(recovery, "_TRY_AGAIN_AFTER_S", 0.01)
    return caplog


def test_training_without_losses_is_called_once():
    cluster, attempts = FakeCluster(), []

    def train(attempt):
        attempts.append(attempt.losses)
        return "trained"

    assert survive_losses(cluster, train) == "trained"
    assert (attempts, cluster.reconnected) == ([0], 0)


def test_lost_host_the_step_and_where_training_goes_on_are_told(log):
    def train(attempt):
        attempt.resumes_from(100 if attempt.losses else 0)
        if attempt.losses == 0:
            attempt.reached(120)
            raise lost("the whole story")
        return attempt.losses

    assert survive_losses(FakeCluster(), train) == 1
    first, second = (record.getMessage() for record in log.records)
    assert first == (
        "lost at step 120: /task:1 (loss 1, at most 5 in a row without progress). "
        "the whole story"
    )
    assert second.startswith(
        "/task:1 lost at step 120: training goes on from step 100, 0."
    )


def test_error_that_follows_on_a_loss_is_one():
    def train(attempt):
        if attempt.losses:
            return attempt.losses
        try:
            raise lost()
        except HostLostError as error:
            raise OSError("the set was not saved") from error

    assert survive_losses(FakeCluster(), train) == 1


def test_other_errors_end_the_training():
    cluster = FakeCluster()

    def train(attempt):
        raise ValueError("bad batch")

    with pytest.raises(ValueError, match="bad batch"):
        survive_losses(cluster, train)
    assert cluster.reconnected == 0


def test_losses_without_progress_are_bounded():
    cluster = FakeCluster()

    def train(attempt):
        attempt.resumes_from(50)
        attempt.reached(90 + attempt.losses)
        raise lost(f"number {attempt.losses}")

    message = (
        r"Given up at step 93 after 4 losses of hosts since training started from step "
        r"50.*The last one: number 3"
    )
    with pytest.raises(HostLostError, match=message) as caught:
        survive_losses(cluster, train, most_losses=3)
    assert caught.value.hosts == ["/task:1"]
    assert cluster.reconnected == 3


def test_losses_before_anything_is_restored_count():
    def train(attempt):
        raise lost()

    with pytest.raises(HostLostError, match="Given up at step 0 after 3 losses"):
        survive_losses(FakeCluster(), train, most_losses=2)


def test_losses_with_progress_between_them_have_no_bound():
    def train(attempt):
        attempt.resumes_from(10 * attempt.losses)
        if attempt.losses < 20:
            raise lost()
        return "trained"

    assert survive_losses(FakeCluster(), train, most_losses=1) == "trained"


def test_older_set_is_no_progress():
    starts = iter([20, 10, 15, 20])

    def train(attempt):
        attempt.resumes_from(next(starts))
        raise lost()

    with pytest.raises(HostLostError, match=r"after 4 losses.* from step 20"):
        survive_losses(FakeCluster(), train, most_losses=3)


def lost_once(attempt):
    if attempt.losses == 0:
        raise lost()
    return "trained"


def test_host_that_came_back_as_another_ends_the_training():
    cluster = FakeCluster()

    def answer_as_another():
        cluster.reconnected += 1
        raise WrongHostError("it was started as worker 1")

    cluster.at_reconnect = answer_as_another
    with pytest.raises(WrongHostError, match="started as worker 1"):
        survive_losses(cluster, lost_once)
    assert cluster.reconnected == 1


def test_why_connecting_fails_is_told_once(log):
    assert survive_losses(FakeCluster(tries=5), lost_once) == "trained"
    told = [record.getMessage() for record in log.records]
    assert [line for line in told if "cannot connect yet" in line] == [
        "cannot connect yet, and tries again: cannot connect: a host ended meanwhile",
        "cannot connect yet, and tries again: still not there",
    ]


def test_hosts_that_come_back_late_are_waited_for():
    cluster = FakeCluster(tries=4)

    def train(attempt):
        if attempt.losses:
            return "trained"
        raise lost()

    assert survive_losses(cluster, train) == "trained"
    assert cluster.reconnected == 4


def test_hosts_that_do_not_come_back_in_time_are_named():
    cluster = FakeCluster(tries=10**9)

    def train(attempt):
        raise lost()

    with pytest.raises(HostLostError, match="still not there"):
        survive_losses(cluster, train, reconnect_within_s=0.1)


def test_what_an_attempt_made_is_gone_before_the_cluster_reconnects():
    class Engine:
        """What holds tables on the hosts."""

    cluster, engines, alive = FakeCluster(), [], []

    def look():
        gc.collect()
        alive.append([made() is not None for made in engines])

    cluster.at_reconnect = look

    def train(attempt):
        engine = Engine()
        engine.itself = engine
        engines.append(weakref.ref(engine))
        if attempt.losses < 2:
            raise lost()
        return "trained"

    survive_losses(cluster, train)
    assert alive == [[False], [False, False]]
