"""`shardline preprocess`, as one sees it on a terminal."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from shardline.components.execution import beam_runners as runners
from shardline.components.execution.worker_processes.runner import WorkerKilledError
from shardline.components.features import standalone
from shardline.pipeline.commands.app import app

CONFIG = """\
name: small
data:
  path: DATA
  files:
    format: csv
    splits: {train: "train*", eval: "eval*"}
    on_bad_example: MODE
features:
  user: {table: user}
  tags: {table: tag, combiner: sum}
tables:
  user: {dim: 4, min_count: 2}
  tag: {dim: 4}
"""
SOME_BAD = "\n    max_bad_share: 0.2"
HEADER = "label,user,tags\n"
TRAIN = "".join(f"{n % 2},u{n % 3},a|b{n}\n" for n in range(7)) + "1,rare,\n"
Write = Callable[..., Path]


def shardline(*arguments: str | Path) -> Result:
    command = ["preprocess", *(str(argument) for argument in arguments)]
    return CliRunner().invoke(app, command)


def text(result: Result) -> str:
    """Returns what was printed, its line breaks as single spaces."""
    return " ".join(result.output.split())


@pytest.fixture
def config(tmp_path: Path) -> Write:
    """Writes a configuration and its data."""

    def write(train: str = TRAIN, mode: str = "error", **changes: str) -> Path:
        data = tmp_path / "data"
        data.mkdir(exist_ok=True)
        (data / "train.csv").write_text(HEADER + train)
        (data / "eval.csv").write_text(HEADER + "0,u1,a\n1,unseen,\n")
        content = CONFIG.replace("DATA", str(data)).replace("MODE", mode)
        for old, new in changes.items():
            assert old in content
            content = content.replace(old, new)
        path = tmp_path / "small.yaml"
        path.write_text(content)
        return path

    return write


def test_result_is_told_in_a_table_and_a_line(config: Write, tmp_path: Path) -> None:
    output = tmp_path / "output"

    result = shardline(config(), "--output", output)

    assert result.exit_code == 0, result.output
    told = text(result)
    assert "Preprocessing 2 files with 2 features" in told
    rows = [line.replace("│", " ").split() for line in result.output.splitlines()]
    assert ["user", "3", "4", "87.50%"] in rows
    assert ["tag", "8", "8", "100.00%"] in rows
    assert "2 eval, 8 train examples in " in told
    assert told.endswith(f"in {output}")
    assert json.loads((output / "report.json").read_text())["examples"] == {
        "train": 8,
        "eval": 2,
    }


def test_parquet_and_inputs_of_ones_own(config: Write, tmp_path: Path) -> None:
    written = config()
    other = tmp_path / "other"
    other.mkdir()
    for day in (1, 2):
        (other / f"day-{day}.csv").write_text(f"{HEADER}1,u{day},x\n")
    cache, output = tmp_path / "cache", tmp_path / "output"
    arguments = [written, "--format=parquet", f"--cache={cache}"]

    first = shardline(*arguments, f"--input={other}/day-1.csv", "--output", "/dev/null")
    (other / "day-3.csv").write_text(f"{HEADER}1,u3,x\n")
    done = [
        shardline(
            *arguments, f"--input={other}/day-{{SPAN}}.csv", f"--output={output}-{n}"
        )
        for n in (1, 2)
    ]

    assert "/dev/null is there already" in text(first)
    assert "3 all examples in" in text(done[0])
    assert "spans were counted before" not in text(done[0])
    assert "3 spans were counted before" in text(done[1])
    table = pq.read_table(f"{output}-2/parquet/all")
    assert table.num_rows == 3


def test_bad_examples_that_were_left_out_are_told(
    config: Write, tmp_path: Path
) -> None:
    written = config(TRAIN + "9,u1,a\n", mode=f"skip{SOME_BAD}")

    result = shardline(written, "--output", tmp_path / "output")

    assert result.exit_code == 0
    assert "1 example left out: label `label` is neither 0 nor 1" in text(result)
    assert "train.csv, line 10" in text(result)
    assert "8 train examples" in text(result)


def test_more_bad_examples_than_may_be_end_the_command(
    config: Write, tmp_path: Path
) -> None:
    written = config(TRAIN + 2 * "9,u1,a\n", mode="skip")

    result = shardline(written, "--output", tmp_path / "output")

    failed(result, "2 of the 10 examples of split 'train' are bad (20.00%), more than")
    assert "train.csv, line 10: label `label` is neither 0 nor 1" in text(result)
    assert sorted(os.listdir(tmp_path)) == ["data", "small.yaml"]


def test_file_without_rows_is_left_out_with_a_line(
    config: Write, tmp_path: Path
) -> None:
    written = config()
    (tmp_path / "data" / "train-2.csv").write_text("")
    (tmp_path / "data" / "train-3.csv").write_text(HEADER)

    result = shardline(written, "--output", tmp_path / "output")

    assert result.exit_code == 0, result.output
    assert "2 files without rows left out" in text(result)
    report = json.loads((tmp_path / "output" / "report.json").read_text())
    assert [Path(line).name for line in report["left_out"][1:]] == [
        "train-2.csv",
        "train-3.csv",
    ]


def test_bad_file_ends_the_command_whatever_is_made_of_examples(
    config: Write, tmp_path: Path
) -> None:
    written = config(mode="skip")
    (tmp_path / "data" / "train-2.csv").write_text("label,usr,tags\n1,u1,a\n")

    result = shardline(written, "--output", tmp_path / "output")

    failed(result, "train-2.csv: its header names 0 columns `user`, expected one")
    assert "data.files.on_bad_file: skip" in text(result)

    written = config(mode="error\n    on_bad_file: skip")
    result = shardline(written, "--output", tmp_path / "output")

    assert result.exit_code == 0, result.output
    assert "1 file bad, left out from the fault on" in text(result)
    assert "train-2.csv: its header names 0 columns `user`" in text(result)


def failed(result: Result, words: str) -> None:
    """Checks that a command ended with a message, not with a trace."""
    assert result.exit_code == 1, result.output
    assert isinstance(result.exception, SystemExit), result.exception
    assert words in text(result)


def test_bad_example_ends_the_command(config: Write, tmp_path: Path) -> None:
    written = config(TRAIN + "9,u1,a\n")

    result = shardline(written, "--output", tmp_path / "output")

    failed(result, "train.csv, line 10: label `label` is neither 0 nor 1")
    assert "data.files.on_bad_example: skip" in text(result)
    assert sorted(os.listdir(tmp_path)) == ["data", "small.yaml"]


def test_output_that_is_there_ends_the_command(config: Write, tmp_path: Path) -> None:
    result = shardline(config(), "--output", tmp_path)

    failed(result, f"{tmp_path} is there already. Remove it, or name another place.")


def test_faulty_configuration_ends_the_command(config: Write, tmp_path: Path) -> None:
    written = config(**{"table: user": "table: usr"})

    result = shardline(written, "--output", tmp_path / "output")

    failed(result, "feature `user`: table `usr` is not among the tables")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--runner=storm"], "There is no runner `storm`; use one of direct, dask"),
        (["--format=avro"], "There is no format `avro`; use one of tfrecord, parquet"),
        (["--cache=/dev/null/x"], "/dev/null/x: cannot be made: "),
        (["--input=absent/*.csv"], "absent: cannot be read: No such file"),
        (
            ["--", "--flink_mastr=h:1"],
            "Beam knows no option `--flink_mastr=h:1`; did you mean `--flink_master`?",
        ),
        (
            ["--runner=portable", "--", "--job_endpont=h:1"],
            "Beam knows no option `--job_endpont=h:1`; did you mean `--job_endpoint`?",
        ),
        (
            ["--", "--direct_num_workers"],
            "Beam does not take `--direct_num_workers`: expected one argument",
        ),
        (["--", "loose"], "`loose` is no option of a runner; write --NAME=VALUE"),
    ],
)
def test_wrong_option_ends_the_command(
    arguments: Sequence[str], words: str, config: Write, tmp_path: Path
) -> None:
    result = shardline(config(), "--output", tmp_path / "output", *arguments)

    failed(result, words)
    assert sorted(os.listdir(tmp_path)) == ["data", "small.yaml"]


def test_no_example_to_analyse_ends_the_command(config: Write, tmp_path: Path) -> None:
    written = config("x,u,a\n", mode="skip\n    max_bad_share: 1")

    result = shardline(written, "--output", tmp_path / "output")

    failed(result, "No example to analyse in split 'train'")
    assert "1 example left out" in text(result)


def test_graph_that_is_not_there_ends_the_command(
    config: Write, tmp_path: Path
) -> None:
    result = shardline(
        config(), f"--transform-graph={tmp_path}/no", "--output", tmp_path / "output"
    )

    failed(result, f"{tmp_path}/no holds no transform graph. Name folder")


def test_reader_that_is_no_files_ends_the_command(
    small_config: Callable[..., Path], tmp_path: Path
) -> None:
    result = shardline(small_config(), "--output", tmp_path / "output")

    failed(result, "preprocessing alone reads files. Give `data.files`.")


def test_options_after_the_dashes_are_the_runners(
    config: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    passed = []
    direct = runners.beam_runner("direct")
    monkeypatch.setattr(
        runners, "beam_runner", lambda *options: passed.append(options) or direct
    )

    result = shardline(
        config(),
        *("--runner=flink", "--output", tmp_path / "output", "--"),
        *("--flink_master=localhost:8081", "--parallelism=4"),
    )

    assert result.exit_code == 0, result.output
    assert passed == [("flink", ["--flink_master=localhost:8081", "--parallelism=4"])]


@pytest.mark.orchestration
def test_data_counts_and_output_may_be_in_buckets(
    config: Write, tmp_path: Path, buckets: Any
) -> None:
    local = config()
    data, out = buckets.new("data"), f"{buckets.new('out')}/features"
    for file in (tmp_path / "data").iterdir():
        shutil.copy(file, buckets.path(data))
    text_of = local.read_text()
    local.write_text(text_of.replace(f"path: {tmp_path}/data", f"path: {data}"))
    assert data in local.read_text()

    results = [
        shardline(local, "--output", f"{out}{n}", "--cache", "bucket://out/counts")
        for n in range(2)
    ]

    assert [result.exit_code for result in results] == [0, 0], results[0].output
    assert "1 spans were counted before" in results[1].output
    for n in range(2):
        written = sorted(os.listdir(buckets.path(f"{out}{n}")))
        assert written == ["examples", "report.json", "transform_graph"]
    assert sorted(os.listdir(buckets.path("bucket://out"))) == [
        "counts",
        "features0",
        "features1",
    ]
    buckets.refuse_writes("out")
    refused = shardline(local, "--output", f"{out}3")
    assert refused.exit_code == 1
    assert "may not write to bucket out" in text(refused)


def test_killed_worker_process_can_pass_and_its_remedy_is_of_this_command(
    config: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: Any, **__: Any) -> None:
        raise WorkerKilledError("A worker process was ended.")

    monkeypatch.setattr(standalone, "preprocess_standalone", killed)

    result = shardline(config(), "--output", tmp_path / "output")

    assert result.exit_code == 75
    assert "ended. Their number is --direct_num_workers, and" in text(result)


@pytest.mark.slow
@pytest.mark.orchestration
def test_worker_processes_leave_nothing_on_the_terminal_and_on_disk(
    config: Write, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    temporary = tmp_path_factory.mktemp("temporary")
    program = "from shardline.pipeline.commands.entry import main; main()"
    arguments = ["preprocess", config(), "--output", tmp_path / "output", "--"]
    options = ["--direct_running_mode=multi_processing", "--direct_num_workers=2"]

    done = subprocess.run(
        [sys.executable, "-P", "-c", program, *arguments, *options],
        env={**os.environ, "TMPDIR": str(temporary)},
        capture_output=True,
        text=True,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert list(temporary.iterdir()) == []
