import datetime
import json

import numpy as np
import pytest

from benchmarks.continuous.__main__ import REPORT
from benchmarks.continuous.living_model import LivingModel
from benchmarks.continuous.programs.freshness import INTERVALS, periods
from benchmarks.continuous.sections import SECTIONS
from benchmarks.continuous.stream import Stream
from benchmarks.serving.session import Outcome
from shardline.configs import load_run


@pytest.fixture(scope="module")
def run(small_config):
    run = load_run(small_config())
    training = run.training.model_copy(update={"batch_size": 16, "epochs": 1})
    return run.model_copy(update={"training": training})


@pytest.fixture(scope="module")
def stream(run, movielens_zip):
    return Stream(movielens_zip, run.feature_set, "label", history=5, begin=0)


@pytest.fixture(scope="module")
def model(run, stream):
    return LivingModel(run, stream, seed=1)


def test_stream_is_in_the_order_of_time_and_counts_tokens(stream):
    assert (np.diff(stream.times) >= 0).all()
    assert len(stream) == len(stream.labels) == len(stream.users)
    half = stream.between(0, int(stream.times[len(stream) // 2]))
    assert 0 < len(half) < len(stream)
    both = [
        dict(zip(*(table[c].to_pylist() for c in ("token", "count")), strict=True))
        for part in (half, range(half.stop, len(stream)))
        for table in [stream.counts(part)["user"]]
    ]
    whole = stream.counts(range(len(stream)))["user"]
    for token, count in zip(
        whole["token"].to_pylist(), whole["count"].to_pylist(), strict=True
    ):
        assert count == sum(one.get(token, 0) for one in both)
    assert sum(whole["count"].to_pylist()) == len(stream)


def test_model_goes_on_from_what_it_was_and_goes_back(model, stream):
    half = len(stream) // 2
    rest = range(half, len(stream))
    model.update(range(half))
    then, scores = model.moment(), model.scores(rest)
    assert scores.shape == (len(rest),)
    # However many are asked for at once.
    np.testing.assert_array_equal(model.scores(range(half, half + 5)), scores[:5])

    assert model.update(rest) == len(rest) // 16

    now = model.moment()
    before, after = then.vocabularies["movie"], now.vocabularies["movie"]
    assert (before.age, after.age) == (1, 2)
    rows = {
        token: row
        for token, row in zip(
            after.state["token"].to_pylist(),
            after.state["row"].to_pylist(),
            strict=True,
        )
    }
    for token, row in zip(
        before.state["token"].to_pylist(), before.state["row"].to_pylist(), strict=True
    ):
        assert rows[token] == row
    assert not np.array_equal(model.scores(rest), scores)
    assert now.dense["step"] == then.dense["step"] + len(rest) // 16
    model.become(then)
    np.testing.assert_array_equal(model.scores(rest), scores)


def test_an_update_without_steps_moves_every_row_and_slot(model, stream, monkeypatch):
    then = model.moment()
    monkeypatch.setattr(model, "_train", lambda part: 0)

    model.update(range(len(stream)))

    now = model.moment()
    for table, before in then.vocabularies.items():
        rows = before.state["row"].to_numpy()
        for tensor, values in then.tables[table].items():
            moved = now.tables[table][tensor][rows]
            np.testing.assert_array_equal(moved, values[rows])
    np.testing.assert_equal(now.dense, then.dense)


@pytest.mark.parametrize("name", INTERVALS)
def test_periods_follow_each_other_and_share_no_day(name):
    class Days:
        times = np.sort(
            np.random.default_rng(3).integers(880_934_400, 893_289_600, 2000)
        )

    parts = list(periods(Days, range(100, 2000), name))

    assert [part.start for part in parts] == [100, *(p.stop for p in parts[:-1])]
    assert parts[-1].stop == 2000
    days = [set(Days.times[part.start : part.stop] // 86_400) for part in parts]
    assert sum(map(len, days)) == len(set().union(*days))
    if name == "month":
        of = [
            {datetime.date.fromtimestamp(int(day) * 86_400).month for day in some}
            for some in days
        ]
        assert all(len(months) == 1 for months in of)


def outcome_of(*, worse=0.0):
    """Returns an outcome of all sections in which every bar holds, or none does."""
    months = [
        {
            "trained": f"1998-{number:02}",
            "judged_on": f"1998-{number + 1:02}",
            "warm": {"auc": 0.75 - worse, "normalized_entropy": 0.9, "steps": 30},
            "from_scratch": {
                "auc": 0.752,
                "normalized_entropy": 0.9,
                "steps": 120 - 1000 * worse,
            },
            "never_updated": {"auc": 0.74, "normalized_entropy": 0.9},
            "unknown": 0.01,
            "unknown_to_never_updated": 0.1,
        }
        for number in range(1, 6 if worse else 7)
    ]
    movies = {"trained": "1998-02", "movies": 20, "before": 0, "shift": 0.03}
    less = {"by_seed": [0.01, 0.02], "mean": 0.015, "interval": [0.012, 0.018]}
    if worse:
        less["interval"] = [-0.002, 0.018]
    metric = {
        "by_seed": [0.75, 0.76],
        "mean": 0.755,
        "interval": [0.74, 0.77],
        "less_never": less,
        "less_month": less,
    }
    interval = {
        "publications": 4,
        "steps": 100,
        "auc": metric,
        "normalized_entropy": metric,
    }
    span = {
        key: 5
        for key in ("cpu_seconds", "peak_mb", "admitted", "evicted", "live", "waiting")
    }
    bad = int(worse > 0)
    found = {
        "measured on": "Measured on a machine.",
        "months": {"spans": months, "movies": [{**movies, "since": 20 - bad}]},
        "freshness": {"intervals": dict.fromkeys(INTERVALS, interval)},
        "vocabularies": {
            "spans": [span] * 30,
            "tokens": 2_000_000 - bad,
            "moved": bad,
            "shared": bad,
            "capacities": [200_000 + bad],
            "reused": 7,
            "idle_mb": 300,
            "cpu_seconds_growth": 1.0 + bad,
            "peak_mb_growth": 1.0 + bad,
        },
        "warm": {
            "seconds": {
                "restore": [2.0] * 3,
                "alike": [2.5 + bad] * 3,
                "shuffled": [4.0] * 3,
            },
            "extra_bytes": dict.fromkeys(
                ("restore", "alike", "shuffled"), 2**27 * (1 + 2 * bad)
            ),
            "shard_bytes": 4.1e9,
        },
        "gates": {
            "clean_runs": 20 - bad,
            "false_alarms": 2 * bad,
            "clean": {"1": [], "2": ["data.time"] if bad else []},
            "faults": {
                str(number): {
                    "runs": 3,
                    "blocked": 3 - bad,
                    "blocked_by": "data.time",
                    "blocked_by_it": 3 - bad,
                    "closed": {},
                }
                for number in range(6)
            },
        },
    }
    return Outcome({}, found, {})


def bars_of(outcome):
    return [bar for section in SECTIONS.values() for bar in section.bars(outcome)]


def test_every_bar_can_hold_and_can_be_missed():
    held = bars_of(outcome_of())
    assert [bar.name for bar in held if not bar.holds] == []
    missed = bars_of(outcome_of(worse=0.05))
    assert [bar.name for bar in missed if bar.holds] == []


def test_the_report_has_every_bar_and_every_section(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs").mkdir()
    (tmp_path / "build/bench").mkdir(parents=True)
    outcome = Outcome.from_json(outcome_of(worse=0.05).as_json())
    bars = bars_of(outcome)
    numbers, page, plot = REPORT.write(outcome, bars)
    listed = json.loads(numbers.read_text())
    assert len(listed) == len(bars)
    assert all(
        set(bar) == {"bar", "value", "goal", "unit", "holds"} and not bar["holds"]
        for bar in listed
    )
    text = page.read_text()
    assert "| no |" in text
    assert "{" not in text
    assert all(section.table(outcome) in text for section in SECTIONS.values())
    assert plot.read_bytes().startswith(b"\x89PNG")
