import json
import subprocess
import sys

import numpy as np
import pytest

from benchmarks.bars import at_least, at_most
from benchmarks.engine.session import Program, ProgramError, measure, ratio
from benchmarks.engine.workload import Workload

ONE_TABLE = {"tables": 1, "rows": 1_000_000, "batch": 4}


def test_a_ratio_compares_times_of_the_same_round():
    # The machine was twice as slow in the second round; the ratio does not see it.
    times = {"ours": [[1.0], [2.0], [1.0]], "rival": [[3.0, 3.0], [6.0], [5.0]]}
    assert ratio(times, "rival", "ours") == 3.0


def test_bars_hold_on_their_side_of_the_goal():
    assert at_least("speed", 5.0, 5).holds
    assert not at_least("speed", 4.9, 5).holds
    assert at_most("time", 1.25, 1.25).holds
    assert not at_most("time", 1.3, 1.25).holds
    assert at_most("time", 1.3, 1.25).as_json()["holds"] is False


@pytest.mark.parametrize(("draw", "extent"), [("window", 99_999), ("spread", 990_000)])
def test_a_working_set_has_as_many_rows_wherever_they_lie(draw, extent):
    workload = Workload(**ONE_TABLE, draw=draw, ids_per_example=10_000)
    ids = workload.batches()[0]
    assert 0 <= ids.min()
    assert ids.max() < workload.rows
    assert len(np.unique(ids)) <= 100_000
    assert np.ptp(ids) >= extent * 0.99
    assert draw == "spread" or np.ptp(ids) <= extent


def test_batches_are_the_same_in_every_program():
    workload = Workload.from_json(Workload(**ONE_TABLE).as_json())
    np.testing.assert_array_equal(
        workload.batches()[3], Workload(**ONE_TABLE).batches()[3]
    )


def test_a_program_answers_in_json_whatever_else_it_prints():
    code = (
        "from benchmarks.engine.program import serve\n"
        "serve({'step': lambda i: print('noise')})"
    )
    request = json.dumps({"what": "step", "seconds": 1.0, "calls": 3})
    done = subprocess.run(
        [sys.executable, "-c", code], input=request, capture_output=True, text=True
    )
    ready, answer = [json.loads(line) for line in done.stdout.splitlines()]
    assert ready == {"ready": True, "versions": {}}
    assert len(answer["seconds"]) == 3
    assert answer["peak_bytes"] > 1e6
    assert "noise" in done.stderr


def test_a_program_that_fails_is_named_with_its_output(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    missing = Program("the rival", "no_such_module", [], ["step"])
    with pytest.raises(ProgramError, match=r"(?s)`the rival`.*exit code 1.*No module"):
        measure("headline", [missing], rounds=1)
