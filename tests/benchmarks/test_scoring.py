import pytest

from benchmarks.scoring.sections import SECTIONS
from benchmarks.serving.session import Outcome


def said(job_s):
    return {
        "rows": 1_000_000,
        "job_s": job_s,
        "wall_s": job_s + 5,
        "cpu_s": 20.0,
        "peak_bytes": 2**30,
    }


def test_bars_are_ratios_to_the_model_alone_in_the_same_round():
    alone = {"columns": 4e-6, "serving_default": 5e-6}
    slow = {name: 2 * seconds for name, seconds in alone.items()}
    rounds = {
        "model alone": [{"s_of_a_row": alone}, {"s_of_a_row": slow}],
        "threads": [said(8), said(16)],
        "worker processes": [said(16), said(32)],
    }
    outcome = Outcome({}, {"million": rounds}, {})
    section = SECTIONS["million"]

    values = [bar.value for bar in section.bars(outcome)]

    assert values == pytest.approx([0.5, 2.0])
    table = section.table(outcome)
    assert "| the model alone, `columns` | 187,500 |" in table
    assert "| `shardline score`, worker processes | 46,875 | 0.25 x | 20 s |" in table
