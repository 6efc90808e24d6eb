"""`shardline conformance` shows verdicts as the other commands show tables."""

import io
import json
import re

import pytest
from rich.console import Console

from shardline.embedding.conformance import kit
from shardline.embedding.conformance.time_limit import NoAnswerError
from shardline.embedding.conformance.verdicts import CaseVerdict, GroupVerdict, Report
from shardline.pipeline.commands import conformance as command


def test_verdicts_are_a_table_and_what_did_not_pass_stands_below():
    output = io.StringIO()
    groups = [
        GroupVerdict("inputs", [CaseVerdict("dense", "passed", share=0.1)], 1.0),
        GroupVerdict("policies", [CaseVerdict("a", "not supported", "none")], 0.0),
        GroupVerdict("optimizers", [CaseVerdict("adam", "failed", "row [1]")], 2.0),
    ]
    command.print_report(Report("here", {}, groups), Console(file=output, width=100))
    text = output.getvalue()
    assert re.search(r"inputs +│ passed +│ 1 passed +│ 10% of the bound │ 1\.0", text)
    assert text.splitlines()[-3:] == [
        "policies, a: not supported here: none",
        "optimizers, adam: row [1]",
        "3 groups: 1 passed, 1 failed, 1 not supported",
    ]


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
    monkeypatch.setattr(command.os, "_exit", codes.append)
    assert invoke("conformance", "--only", "inputs").exit_code == 1
    assert codes == [1]
