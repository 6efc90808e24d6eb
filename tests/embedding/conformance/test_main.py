"""`python -m shardline.embedding.conformance`: its lines and its exit code."""

import json
import os

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


def test_hung_call_ends_the_process_by_force(capsys, monkeypatch):
    def hang(self, what, function, *arguments):
        raise NoAnswerError(f"{what} did not return within 1 s")

    codes = []
    monkeypatch.setattr(kit.TimeLimit, "call", hang)
    monkeypatch.setattr(os, "_exit", codes.append)
    main(["--only", "quantization", "--limit-s", "1"])
    assert codes == [1]
    assert "making the engine did not return within 1 s" in capsys.readouterr().out


def test_interrupted_kit_ends_with_a_word(capsys, monkeypatch):
    class Ended(Exception):
        pass

    def end(code):
        raise Ended(code)

    def interrupt(self, what, function, *arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(kit.TimeLimit, "call", interrupt)
    monkeypatch.setattr(os, "_exit", end)
    with pytest.raises(Ended, match="130"):
        main(["--only", "quantization"])
    assert capsys.readouterr().err == "Interrupted.\n"
