from benchmarks.pipeline.sections import SECTIONS
from benchmarks.pipeline.workload import make_rows, write_config
from benchmarks.serving.session import Outcome
from shardline.configs import load_run


def said(statistics_s, evaluation_s):
    steps = {"StatisticsGen": statistics_s, "Evaluator": evaluation_s, "Pusher": 1.0}
    return {
        "wall_s": sum(steps.values()),
        "cpu_s": 100.0,
        "peak_bytes": 2**30,
        "steps": steps,
    }


def test_bars_are_ratios_of_runs_of_one_round_and_the_table_has_all_steps():
    rounds = {"1": [said(30, 20), said(60, 40)], "2": [said(20, 10), said(40, 20)]}
    outcome = Outcome({}, {"million": rounds}, {})
    section = SECTIONS["million"]

    assert [bar.value for bar in section.bars(outcome)][:2] == [1.5, 2.0]
    table = section.table(outcome)
    assert "| StatisticsGen | 45.0 s | 30.0 s | 1.50 x |" in table
    assert "| Pusher | 1.0 s | 1.0 s |  |" in table
    assert "| memory of all processes | 1,024 MiB | 1,024 MiB |  |" in table


def test_rows_are_made_once_and_their_configuration_is_one(tmp_path, monkeypatch):
    monkeypatch.setattr("benchmarks.pipeline.workload._DATA", tmp_path)

    folder = make_rows(30, 10)

    assert len((folder / "train.csv").read_text().splitlines()) == 21
    assert make_rows(30, 10) == folder
    run = load_run(write_config(tmp_path, folder, workers=2))
    assert run.worker_processes == {"default": 2}
