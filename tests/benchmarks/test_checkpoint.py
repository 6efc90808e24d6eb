import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.checkpoint import disk, memory, minute, rival, saving
from benchmarks.checkpoint.__main__ import REPORT
from benchmarks.checkpoint.sections import SECTIONS
from benchmarks.checkpoint.trained import Sets, Trained, restore_newest_of
from benchmarks.checkpoint.workload import fresh_batches, touched_rows
from benchmarks.engine.workload import Workload
from benchmarks.serving.session import Outcome

SMALL = Workload(tables=2, rows=3000, dim=8, batch=64)
MB = 2**20
ROOT = Path(__file__).parents[2]


def test_ids_are_of_the_table_and_fresh_in_every_step():
    first, second = fresh_batches(SMALL, 2)
    assert first.shape == (2, 64 * 5)
    assert 0 <= first.min() <= first.max() < SMALL.rows
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(fresh_batches(SMALL, 2)[1], second)


def test_touched_rows_are_counted_once_a_table():
    workload = Workload(tables=2, rows=10, batch=3, ids_per_example=1)
    batches = [np.array([[0, 0, 9], [1, 1, 1]]), np.array([[0, 5, 9], [1, 2, 2]])]
    assert touched_rows(workload, batches) == 3 + 2


def test_the_disks_write_leaves_nothing_and_the_read_reads_all(tmp_path):
    assert disk.write_s(tmp_path / "written", 3 * MB) > 0
    assert os.listdir(tmp_path) == []
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/a").write_bytes(bytes(2 * MB))
    (tmp_path / "b").write_bytes(bytes(MB))
    assert disk.bytes_of(tmp_path) == 3 * MB
    assert disk.read_s(tmp_path) > 0
    assert (tmp_path / "sub/a").stat().st_size == 2 * MB


# In a process of its own: beside tests, TensorFlow's threads hold and free memory too.
PEAK_PROGRAM = f"""
import time
from benchmarks.checkpoint import memory

with memory.AnonymousPeak() as peak:
    before = memory.anonymous_bytes()
    held = b"x" * (40 * {MB})
    while peak.bytes < before + 30 * {MB}:
        time.sleep(0.001)
    del held
    after = memory.anonymous_bytes()
print(before, peak.bytes, after)
"""


def test_a_peak_of_memory_is_seen_after_it_has_passed():
    command = [sys.executable, "-c", PEAK_PROGRAM]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout
    before, peak, after = (int(number) for number in said.split())
    assert after < before + 30 * MB <= peak


def test_a_line_of_memory_that_is_not_there_is_named():
    with pytest.raises(ValueError, match="no line VmMissing"):
        memory.status_bytes("VmMissing")


def test_a_rival_is_measured_by_what_it_does(tmp_path):
    done = []

    def save(path):
        path.write_bytes(bytes(5 * MB))
        done.append("save")

    found = rival.measured(
        tmp_path / "rival",
        saves=2,
        train=lambda: done.append("train"),
        save=save,
        wait=lambda: done.append("wait"),
        restore=lambda path: done.append(path.stat().st_size),
    )
    assert done.count("save") == done.count("wait") == 3
    # The step after a save belongs to its pause.
    assert all(
        after == "train"
        for before, after in itertools.pairwise(done)
        if before == "save"
    )
    assert done[-1] == 5 * MB
    assert len(found["saves"]) == 2
    assert found["bytes"] == 5 * MB
    assert all(one["seconds"] <= one["synced_s"] for one in found["saves"])
    assert not (tmp_path / "rival").exists()


def test_a_set_costs_what_calls_beside_it_take_longer_than_later_ones():
    # Three calls of 4 s begin within 10 s; usual are those of 2 s.
    assert minute.cost_s([4.0, 4.0, 4.0, 2.0, 2.0, 2.0], within_s=10) == 6.0
    assert minute.cost_s([2.0] * 10, within_s=7) == 0.0


def test_sets_of_an_engine_are_saved_in_training_and_restored(tmp_path):
    trained = Trained(SMALL, batches=4)
    trained.step()
    sets = Sets(trained, tmp_path / "sets", differential=True)
    with sets.saver:
        sets.begin()
        while sets.is_saving:
            trained.step()
        assert sets.seconds() > 0
        trained.step()
        trained.variables["step"].assign(7)
        sets.begin()
        sets.seconds()
    kinds = [saved.kind for saved in sets.saved]
    assert kinds[0] == "full"
    table = trained.engine.embedding_tables.popitem()[1]
    saved = table.numpy()
    trained.step()
    trained.variables["step"].assign(8)
    restore_newest_of(tmp_path / "sets", trained)
    np.testing.assert_array_equal(table.numpy(), saved)
    assert trained.variables["step"].numpy() == 7


def test_without_a_set_there_is_nothing_to_restore(tmp_path):
    with pytest.raises(RuntimeError, match="no complete set"):
        restore_newest_of(tmp_path, Trained(SMALL, batches=1))


def saved_by_ours(slower):
    save = {"blocked_s": 0.005, "pause_s": 0.01 * slower, "seconds": 1.0, "slower": 1.1}
    return {
        "training": [save] * 2,
        "idle": [{"seconds": 1.0 * slower, "disk_s": 0.9}] * 2,
        "bytes": 2e9,
        "table_bytes": 2e9,
        "extra_bytes": 1e8 * slower**2,
        "restores": [{"restore_s": 1.2, "read_s": 1.0, "from_disk": 1.0}],
    }


def outcome_of(*, slower=1.0):
    """Returns an outcome of all sections in which every bar holds, or none does."""
    stock = {
        "saves": [{"pause_s": 2.0, "seconds": 2.0, "synced_s": 3.0}],
        "bytes": 2e9,
        "extra_bytes": 2e9,
        "restores": [{"restore_s": 2.0, "read_s": 1.0, "from_disk": 1.0}],
    }
    rivals = (saving.TENSORFLOW, saving.ASYNC, saving.ORBAX)
    set_saved = {"bytes": 1e9, "seconds": 1.0, "kind": "full"}
    calls = [1.0 + 0.015 * slower**2] * 15 + [1.0] * 45
    found = {
        "measured on": "Measured on a machine.",
        "saving": {
            saving.OURS: [saved_by_ours(slower)] * 3,
            **{name: [stock] * 3 for name in rivals},
        },
        "minute": {
            "differential": {"calls": [calls] * 3, "saved": [set_saved] * 3},
            "none": {"calls": [[1.0] * 60], "saved": []},
        },
        "tracking": [{"untracked": [1.0] * 9, "tracked": [1.0 + 0.008 * slower] * 9}]
        * 3,
        "differential": [
            {
                "steps": steps,
                "kind": "differential",
                "bytes": 1e6 * (1.02 if slower == 1 else 1.1),
                "rows": 2000,
                "row_bytes": 1e6,
                "seconds": 0.1,
            }
            for steps in (10, 100, 1000)
        ],
        "restoring": {
            "4 to 3": {
                "times": [{"restore_s": 1.4, "read_s": 1.0, "from_disk": 1.0}],
                "ratio": 1.4 * slower,
                "before_bytes": 5e8,
                "peak_bytes": 5e8 + 2e9 + 2.5e8 * slower,
                "shard_bytes": 2e9,
            }
        },
    }
    return Outcome({}, found, {})


def bars_of(outcome):
    return [bar for section in SECTIONS.values() for bar in section.bars(outcome)]


def test_every_bar_can_hold_and_can_be_missed():
    held = bars_of(outcome_of())
    assert len(held) == 10
    assert [bar.name for bar in held if not bar.holds] == []
    missed = bars_of(outcome_of(slower=1.5))
    assert [bar.name for bar in missed if bar.holds] == []


def test_the_report_has_every_bar_and_every_section(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs").mkdir()
    (tmp_path / "build/bench").mkdir(parents=True)
    outcome = Outcome.from_json(outcome_of(slower=1.5).as_json())
    numbers, page, plot = REPORT.write(outcome, bars_of(outcome))
    listed = json.loads(numbers.read_text())
    assert len(listed) == 10
    assert all(
        set(bar) == {"bar", "value", "goal", "unit", "holds"} and not bar["holds"]
        for bar in listed
    )
    text = page.read_text()
    assert "| no |" in text
    assert "{" not in text
    assert all(section.table(outcome) in text for section in SECTIONS.values())
    drawn = plot.read_text()
    assert drawn.startswith("<?xml")
