import json
import pstats
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest

from benchmarks.engine.session import ProgramError
from benchmarks.preprocess import session, workload
from benchmarks.preprocess.bad_files import CASES, good_file
from benchmarks.preprocess.bad_input import tried
from benchmarks.preprocess.comparison import compared
from benchmarks.preprocess.records import FILES, ID_COUNTS, batches, write
from benchmarks.preprocess.report import write as write_report
from benchmarks.preprocess.sections import SECTIONS
from benchmarks.preprocess.session import Outcome, Program, Took, measure, run
from benchmarks.preprocess.workload import (
    ID_FEATURES,
    IDS,
    NUMBERS,
    RAGGED,
    ROW,
    Records,
    write_configuration,
)
from shardline.configs.load import load_job


def table(records: Records) -> pa.Table:
    drawn = [batch for file in range(FILES) for batch in batches(records, file)]
    return pa.Table.from_batches(drawn)


def values(column: pa.ChunkedArray) -> list:
    return column.combine_chunks().flatten().to_pylist()


def test_clicks_have_every_row_once_and_are_the_same_again():
    clicks = table(Records("clicks", 1001))
    assert values(clicks[ROW]) == list(range(1001))
    assert clicks.equals(table(Records("clicks", 1001)))
    assert set(map(len, clicks[RAGGED].to_pylist())) == set(range(6))


def test_ids_of_clicks_have_hot_ones_rare_ones_and_ties():
    clicks = table(Records("clicks", 20_000))
    for name, size in zip(IDS, ID_COUNTS, strict=True):
        _, counts = np.unique(values(clicks[name]), return_counts=True)
        assert min(size, 20_000) / 10 < len(counts) <= size
        assert counts.max() > 20_000 / 30
    assert (counts == 1).sum() > 1000


def test_no_distinct_id_comes_twice():
    ids = values(table(Records("distinct", 5000))[workload.DISTINCT])
    assert len(ids) == len(set(ids)) == 5000 * workload.IDS_OF_A_ROW


@pytest.mark.parametrize("kind", ["clicks", "distinct"])
def test_the_configuration_is_one_that_loads(kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    job = load_job(write_configuration(Records(kind, 8)))
    named = {"clicks": [*ID_FEATURES, *NUMBERS, ROW], "distinct": [workload.DISTINCT]}
    assert [*job.features, *job.numbers] == named[kind]
    assert job.data.path == str(tmp_path / Records(kind, 8).folder)


def test_records_are_written_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = write(Records("clicks", 8))
    written = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert len(written) == FILES
    assert write(Records("clicks", 8)) == folder
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == written
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


@pytest.fixture
def scratch(tmp_path, monkeypatch):
    """Keeps logs and outputs in a folder of the test's own."""
    monkeypatch.setattr(session, "_LOGS", tmp_path / "logs")
    monkeypatch.setattr(session, "OUTPUTS", tmp_path / "outputs")
    return tmp_path


def program(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    code = f"from benchmarks.preprocess.program import measure\n{code}"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=True,
    )


def test_a_program_says_what_its_job_took_whatever_else_it_prints():
    done = program("import numpy\nmeasure(lambda: print('noise'), ['numpy'])")
    took = json.loads(done.stdout)
    assert took["peak_bytes"] > 1e6
    assert took["versions"] == {"numpy": np.__version__}
    assert "noise" in done.stderr


def test_what_a_job_takes_counts_its_processes_and_not_what_was_before():
    burn = "sum(range(20_000_000))"
    code = (
        "import subprocess, sys\n"
        f"{burn}\n"
        f"measure(lambda: subprocess.run([sys.executable, '-c', '{burn}']))"
    )
    none = json.loads(program(f"{burn}\nmeasure(lambda: None)").stdout)
    child = json.loads(program(code).stdout)
    assert none["cpu_s"] < child["cpu_s"] / 2


def test_a_profile_is_dumped_where_one_is_asked_for(tmp_path):
    path = tmp_path / "job.prof"
    program(
        "import pathlib, sys\n"
        "measure(lambda: sorted([2, 1]), profile=pathlib.Path(sys.argv[1]))",
        str(path),
    )
    named = [name for _, _, name in pstats.Stats(str(path)).stats]
    assert any("sorted" in name for name in named)


def test_a_program_that_fails_is_named_with_its_output(scratch):
    missing = Program("job/the rival", "no_such_module", [])
    with pytest.raises(ProgramError, match=r"(?s)`job/the rival`.*code 1.*No module"):
        run(missing)


def test_a_program_that_takes_too_long_is_ended(scratch):
    slow = Program("slow", "records", ["clicks", "8"], limit_s=0.1)
    with pytest.raises(ProgramError, match=r"`slow`.*took more than 0\.1 s"):
        run(slow)


def test_programs_take_turns_each_in_an_empty_folder(scratch, monkeypatch):
    ran = []

    def runs(program):
        output = program.arguments[-1]
        assert list(output.iterdir()) == []
        (output / "left").touch()
        ran.append(program.name)
        return {"cpu_s": 2.0, "wall_s": 1.0, "peak_bytes": 3, "versions": {"a": "1"}}

    monkeypatch.setattr(session, "run", runs)
    programs = [Program("ours", "x", []), Program("stock TFT", "y", [])]
    outcome = measure("job", programs, rounds=2)
    assert ran == ["job/ours", "job/stock TFT", "job/stock TFT", "job/ours"]
    assert outcome.took["job/ours"] == [Took(2.0, 1.0, 3)] * 2
    assert Outcome.from_json(outcome.as_json()) == outcome


def outcome_of(agree: int, our_large_cpu_s: float = 50.0) -> Outcome:
    """Returns an outcome of all sections."""
    took = {
        "job/stock TFT": [Took(80.0, 1.0, 1), Took(200.0, 1.0, 1), Took(90.0, 1.0, 1)],
        "job/ours": [Took(10.0, 1.0, 1), Took(20.0, 1.0, 1), Took(10.0, 1.0, 1)],
        "slope/stock TFT, 200,000 rows": [Took(200.0, 1.0, 1)],
        "slope/stock TFT, 1,000,000 rows": [Took(600.0, 1.0, 1)],
        "slope/ours, 200,000 rows": [Took(10.0, 1.0, 1)],
        "slope/ours, 1,000,000 rows": [Took(our_large_cpu_s, 1.0, 1_500_000_000)],
        "distinct/ours": [Took(10.0, 1.0, 4_100_000_000)],
    }
    cases = [
        {"name": f"case {k}", "behaves": True, "said": "No.", "skipped": "1 row"}
        for k in range(7)
    ]
    columns = [*ID_FEATURES, *NUMBERS]
    job = {
        "agree": columns[:agree],
        "differ": dict.fromkeys(columns[agree:], "the vocabulary files differ"),
        "largest": {"z-scores": 1e-7, "moments": 2e-7},
    }
    found = {"job": job, "bad input": cases, "measured on": "Measured here."}
    return Outcome(took, found, {})


def bars_of(outcome: Outcome) -> list:
    return [bar for section in SECTIONS.values() for bar in section.bars(outcome)]


def test_bars_say_what_was_measured_and_whether_it_holds():
    bars = bars_of(outcome_of(agree=40))
    assert [bar.value for bar in bars] == [9.0, 40, 10.0, 1.5, 4.1, 7]
    assert [bar.holds for bar in bars] == [True] * 4 + [False, True]
    assert not bars_of(outcome_of(agree=39))[1].holds
    assert not bars_of(outcome_of(agree=40, our_large_cpu_s=150))[2].holds


def test_the_report_has_every_bar_and_what_differs_from_the_goal(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs").mkdir()
    (tmp_path / "build/bench").mkdir(parents=True)
    outcome = outcome_of(agree=40)
    numbers, page = write_report(outcome, bars_of(outcome))
    listed = json.loads(numbers.read_text())
    assert [set(bar) for bar in listed] == [
        {"bar", "value", "goal", "unit", "holds"}
    ] * 6
    assert "| no |" in page.read_text()
    assert "{" not in page.read_text()


class Written:
    """Stands in for the outputs of a job."""

    def __init__(self):
        lists = pa.array([[1, 2], [], [3]], pa.large_list(pa.int64()))
        scores = pa.array([[0.5], [-40.0], [2.0]], pa.large_list(pa.float32()))
        self.made = {name: lists for name in ID_FEATURES}
        self.made |= {name: scores for name in [*NUMBERS, ROW]}
        self.words = dict.fromkeys(ID_FEATURES, b"b\na\n")
        self.scaled = dict.fromkeys(NUMBERS, (3.0, 100.0))

    def columns(self):
        return self.made

    def vocabulary(self, name):
        return self.words[name]

    def moments(self):
        return self.scaled


def test_equal_outputs_agree_in_every_column():
    found = compared(Written(), Written())
    assert found["agree"] == [*ID_FEATURES, *NUMBERS]
    assert found["differ"] == {}
    assert found["largest"] == {"z-scores": 0.0, "moments": 0.0}


def test_what_differs_is_named_by_column():
    ours = Written()
    ours.made["id00"] = pa.array([[1, 2], [], [4]], pa.large_list(pa.int64()))
    ours.words["id01"] = b"a\nb\n"
    scores = pa.array([[0.5], [-40.00003], [2.00003]], pa.large_list(pa.float32()))
    ours.made["number00"] = scores
    ours.scaled["number01"] = (3.0, 100.1)
    ours.scaled["number02"] = (3.0, 100.00001)  # relatively less than a millionth
    found = compared(ours, Written())
    assert found["differ"] == {
        "id00": "the ids of 1 rows differ",
        "id01": "the vocabulary files differ",
        "number00": "they differ by 1.5e-05",
        "number01": "they differ by 1.0e-03",
    }
    assert len(found["agree"]) == 36


def test_nothing_agrees_without_the_same_rows():
    ours = Written()
    ours.made[ROW] = pa.array([[0.0], [1.0], [2.0]], pa.large_list(pa.float32()))
    assert compared(ours, Written())["agree"] == []


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_bad_input_is_bad_in_one_place_of_one_file(case, tmp_path):
    good = good_file(tmp_path, case.format)
    if case.file:
        bad = tmp_path / case.file
        case.write(bad)
        assert bad.read_bytes() != good.read_bytes()


def bad_csv(said: str, told: str | None):
    """Returns a job that refuses the bad file, and skips it if there is `told`."""

    def job(configuration, output):
        files = load_job(configuration).data.files
        if files.on_bad_example == "skip" and told is not None:
            return [told]
        raise ValueError(said)

    return job


@pytest.mark.parametrize(
    ("said", "told", "behaves"),
    [
        ("b-bad.csv, line 62: `large` is no float", "1 left out, b-bad.csv", True),
        ("b-bad.csv: cannot be read", "1 left out, b-bad.csv", False),
        ("some file, line 62: `large` is no float", "1 left out, b-bad.csv", False),
        ("b-bad.csv, line 62: `large` is no float", "", False),
        ("b-bad.csv, line 62: `large` is no float", None, False),
    ],
)
def test_bad_input_is_to_be_named_and_skipped(said, told, behaves, tmp_path):
    case = next(case for case in CASES if case.format == "csv")
    assert tried(case, tmp_path, bad_csv(said, told))["behaves"] is behaves


def test_a_missing_path_is_an_error_even_if_bad_input_is_skipped(tmp_path):
    case = next(case for case in CASES if case.file is None)
    said = f"{tmp_path}/data: no such folder"
    assert tried(case, tmp_path, bad_csv(said, None))["behaves"]
    assert not tried(case, tmp_path, bad_csv(said, said))["behaves"]
