"""`python -m shardline.embedding.conformance`: its lines and its exit code."""

import json
import os
import subprocess
import sys

import pytest

from shardline.embedding.conformance import __main__ as program
from shardline.embedding.conformance import kit
from shardline.embedding.conformance.time_limit import NoAnswerError

main = program.main


def test_groups_asked_for_are_told_and_written(capsys, tmp_path):
    file = tmp_path / "report.json"
    groups = ["--only", "quantization", "--only", "sequences"]
    code = main(["--hosts", "2", *groups, "--json", str(file)])
    lines = capsys.readouterr().out.splitlines()
    assert code == 0
    assert lines[0] == "Checking the engine on 2 logical hosts"
    assert lines[3].split()[:2] == ["group", "verdict"]
    assert [line.split()[:2] for line in lines[4:6]] == [
        ["sequences", "passed"],
        ["quantization", "passed"],
    ]
    assert lines[6:] == ["2 groups: 2 passed"]
    assert json.loads(file.read_text())["passed"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--only", "nothing"], "There is no group nothing"),
        (["--tpu", "local"], "without support for TPUs"),
        (["--hosts", "2", "--cluster"], "exclude each other"),
        (["--hosts", "0"], "at least 1"),
    ],
)
def test_what_cannot_be_had_is_one_sentence(arguments, message):
    with pytest.raises(SystemExit, match=message):
        main(arguments)


def test_file_that_cannot_be_written_is_one_sentence(tmp_path):
    with pytest.raises(SystemExit, match="No such file"):
        main(["--only", "quantization", "--json", str(tmp_path / "no" / "report.json")])


def test_hung_call_ends_the_process_by_force(capsys, monkeypatch):
    def hang(self, what, function, *arguments):
        raise NoAnswerError(f"{what} did not return within 1 s")

    codes = []
    monkeypatch.setattr(kit.TimeLimit, "call", hang)
    monkeypatch.setattr(os, "_exit", codes.append)
    main(["--only", "quantization", "--limit-s", "1"])
    assert codes == [1]
    assert "making the engine did not return within 1 s" in capsys.readouterr().out


def test_module_runs_without_the_packages_of_the_pipeline():
    """As on a TPU VM: nothing but TensorFlow, numpy and the engine is imported."""
    script = (
        "import sys; from shardline.embedding.conformance.__main__ import main; "
        "code = main(['--only', 'quantization']); "
        "print(sorted({'tfx', 'apache_beam', 'yaml', 'pydantic', 'kfp', 'typer'} "
        "& sys.modules.keys())); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-2:] == ["1 group: 1 passed", "[]"]
