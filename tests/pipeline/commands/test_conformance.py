"""`shardline conformance` shows verdicts as the other commands show tables."""

import json
import os
import re
import signal
import subprocess
import sys

import pytest

from shardline.embedding.conformance import kit
from shardline.embedding.conformance.time_limit import NoAnswerError
from shardline.embedding.conformance.verdicts import CaseVerdict, GroupVerdict
from shardline.pipeline.commands import conformance as command


def test_group_has_a_line_and_what_did_not_pass_stands_below(capsys):
    for group in (
        GroupVerdict("inputs", [CaseVerdict("dense", "passed", share=0.1)], 1.0),
        GroupVerdict("policies", [CaseVerdict("a", "not supported", "none")], 0.0),
        GroupVerdict("optimizers", [CaseVerdict("adam", "failed", "row [1]")], 2.0),
    ):
        command.print_group(group)
    passed, _, unsupported, _, why = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"inputs +passed +1 passed +10% of the bound +1\.0", passed)
    assert unsupported == "  policies, a: not supported here: none"
    assert why == "  optimizers, adam: row [1]"


def test_command_checks_what_is_asked_for_and_writes_the_report(invoke, tmp_path):
    file = tmp_path / "report.json"
    result = invoke(
        *("conformance", "--hosts", "2", "--only", "quantization", "--json", str(file))
    )
    assert result.exit_code == 0, result.output
    assert "Checking the engine on 2 logical hosts" in result.output
    assert "1 group: 1 passed" in result.output
    assert json.loads(file.read_text())["groups"][0]["name"] == "quantization"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--only", "nothing"), "There is no group nothing"),
        (("--tpu", "local"), "without support for TPUs"),
        (("--tpu", ""), "--tpu is empty"),
        (("--folder", "/no/such"), "--folder: /no/such is no folder"),
    ],
)
def test_what_cannot_be_had_ends_the_command_with_a_sentence(invoke, options, message):
    result = invoke("conformance", *options)
    assert result.exit_code == 1
    assert message in result.output


def test_failure_is_told_by_the_exit_code(invoke, monkeypatch):
    def failing(self, group):
        case = CaseVerdict("dense", "failed", "step 1")
        return GroupVerdict(group.name, [case], 0.0)

    monkeypatch.setattr(kit.Kit, "_group", failing)
    result = invoke("conformance", "--only", "inputs")
    assert result.exit_code == 1
    assert "inputs, dense: step 1" in result.output


def test_hung_call_ends_the_process_by_force(invoke, monkeypatch):
    def hang(self, what, function, *arguments):
        raise NoAnswerError(f"{what} did not return within 1 s")

    codes = []
    monkeypatch.setattr(kit.TimeLimit, "call", hang)
    monkeypatch.setattr(os, "_exit", codes.append)
    assert invoke("conformance", "--only", "inputs").exit_code == 1
    assert codes == [1]


# A command whose first call to the hosts does not return.
_HUNG = """
import sys, threading
from shardline.embedding.conformance import placement
def hang(self, function, *arguments):
    print("waits", flush=True)
    threading.Event().wait()
placement.HostPlacement.run = hang
from shardline.pipeline.commands.entry import main
main()
"""


@pytest.mark.timeout(120)
def test_interruption_ends_the_process_though_a_call_hangs():
    arguments = ["conformance", "--only", "quantization"]
    with subprocess.Popen(
        [sys.executable, "-c", _HUNG, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            assert any("waits" in line for line in process.stdout)
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 130
            assert "Interrupted: shardline conformance" in process.stderr.read()
        finally:
            process.kill()
