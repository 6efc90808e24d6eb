"""What moves is compared bit for bit, and a check that fails stops no other."""

import numpy as np
import pytest

from shardline.embedding.checkpoint.sets import restore
from shardline.embedding.conformance import interchange
from shardline.embedding.conformance.golden import read_groups
from shardline.embedding.conformance.interchange import Interchange
from shardline.embedding.conformance.time_limit import NoAnswerError, TimeLimit
from shardline.embedding.conformance.training import Trial

CASES = read_groups(["checkpoints"])[0].cases[1:3]


@pytest.fixture
def verdicts(on_hosts, tmp_path):
    """Moves two tables between two hosts and others; returns verdicts by name."""

    def run():
        moved = Interchange(on_hosts(2), CASES, tmp_path, TimeLimit())
        return {case.name: case for case in moved.verdicts()}

    return run


def test_saves_are_full_and_then_differential(on_hosts, tmp_path):
    list(Interchange(on_hosts(2), CASES, tmp_path, TimeLimit()).verdicts())
    names = sorted(path.name for path in (tmp_path / "here").glob("step-*"))
    assert names == ["step-000000000001-full", "step-000000000002-differential"]


def test_check_that_ends_with_an_error_is_told_and_the_others_go_on(
    verdicts, monkeypatch
):
    def broken(*arguments, **options):
        raise RuntimeError("The set is of another training.")

    monkeypatch.setattr(interchange, "restore_newest", broken)
    found = verdicts()
    bad = {name for name, case in found.items() if case.verdict == "failed"}
    assert bad == {name for name in found if name.startswith("set ")}
    assert found["set to 1 host"].why == (
        "RuntimeError: The set is of another training."
    )


def test_set_that_was_not_saved_is_told(verdicts, monkeypatch):
    monkeypatch.setattr(Interchange, "_save", lambda self, saver, step: None)
    found = verdicts()
    assert "holds no set of step 2" in found["set from 3 hosts"].why
    assert found["checkpoint from 3 hosts"].verdict == "passed"


def test_last_bit_of_a_restored_slot_is_seen(verdicts, monkeypatch):
    state = Trial.state

    def off_by_one_ulp(self):
        found = state(self)
        if self.engine.hosts != ["/CPU:0"] and len(self.engine.hosts) == 1:
            slot = found["sparse-adagrad"]["accumulators"]
            slot[3, 1] = np.nextafter(slot[3, 1], np.float32(9))
        return found

    monkeypatch.setattr(Trial, "state", off_by_one_ulp)
    why = verdicts()["checkpoint to 1 host"].why
    assert "table sparse-adagrad, step 2, accumulators, row 3, column 1" in why
    assert "1 ulp off, no bit may differ" in why


def test_call_that_hangs_ends_all_checks(verdicts, monkeypatch):
    def hang(*arguments, **options):
        raise NoAnswerError("restoring a set did not return within 300 s")

    monkeypatch.setattr(restore, "restore_newest", hang)
    monkeypatch.setattr(interchange, "restore_newest", hang)
    with pytest.raises(NoAnswerError, match="restoring a set"):
        verdicts()
