"""The kit passes on the engine as it is, wherever it runs, and stops where it must."""

import json

import pytest

from shardline.embedding.cluster import HostLostError
from shardline.embedding.conformance import kit as kit_module
from shardline.embedding.conformance.golden import GROUPS, read_groups
from shardline.embedding.conformance.kit import Kit, write_json
from shardline.embedding.conformance.time_limit import NoAnswerError, TimeLimit
from shardline.embedding.conformance.verdicts import CaseVerdict

pytestmark = pytest.mark.timeout(600)


def assert_passed(report):
    told = [
        f"{group.name}, {case.name}: {case.why}"
        for group in report.groups
        for case in group.cases
        if case.verdict != "passed"
    ]
    assert told == []
    assert report.has_passed
    # A bound that numbers come near would fail on another processor.
    assert max(group.share for group in report.groups) < 0.5


# Native kernels run all of it; stock ops, which take longer to trace, a part.
@pytest.mark.parametrize(
    ("kernels", "hosts", "names"),
    [
        ("native", 3, ()),
        ("native", 1, ("inputs", "sequences", "checkpoints")),
        pytest.param("stock", 3, ("sequences", "checkpoints"), marks=pytest.mark.slow),
    ],
    indirect=["kernels"],
)
def test_engine_on_hosts_passes(kernels, hosts, names, on_hosts, check):
    report = check(on_hosts(hosts), *names)
    assert [group.name for group in report.groups] == list(names or GROUPS)
    assert_passed(report)


class Hanging(TimeLimit):
    """Finds that step 2 does not return."""

    def call(self, what, function, *arguments):
        if what == "step 2":
            raise NoAnswerError("step 2 did not return within 300 s")
        return super().call(what, function, *arguments)


def test_call_that_hangs_is_named_and_what_follows_is_not_run(on_hosts):
    kit = Kit(on_hosts(1), limit=Hanging())
    told = []
    groups = read_groups(["quantization", "learning_rates", "sequences"])
    report = kit.report(groups, told.append)
    assert kit.hangs
    assert not report.has_passed
    assert report.groups == told
    assert [group.verdict for group in told] == ["failed", "not run", "not run"]
    assert told[0].cases[0].why == "NoAnswerError: step 2 did not return within 300 s"
    assert {case.verdict for case in told[0].cases[1:]} == {"not run"}
    assert told[1].cases[0].why.startswith("sequences ended")


def hanging_at(monkeypatch, number):
    """Lets the engine of that number, from 1, not come."""
    made = []
    init = kit_module.Trial.__init__

    def hang(self, *arguments, **options):
        made.append(self)
        if len(made) == number:
            raise NoAnswerError("making the engine did not return within 300 s")
        init(self, *arguments, **options)

    monkeypatch.setattr(kit_module.Trial, "__init__", hang)


def test_verdicts_before_a_call_that_hangs_stay(on_hosts, check, monkeypatch):
    # The first engine is of all cases that are not refused, each other of one.
    hanging_at(monkeypatch, 3)
    (group,) = check(on_hosts(1), "policies").groups
    counts = [group.count(word) for word in ("passed", "failed", "not run")]
    assert counts == [15, 1, 6]
    assert group.verdict == "failed"
    assert group.cases[15].name == "policies"


def test_moves_before_a_lost_host_stay(on_hosts, check, monkeypatch):
    class Lost(kit_module.Interchange):
        def verdicts(self):
            yield CaseVerdict("training", "passed")
            raise HostLostError("1 of 3 workers lost: it is gone.")

    monkeypatch.setattr(kit_module, "Interchange", Lost)
    (group,) = check(on_hosts(1), "checkpoints").groups
    assert [(case.name, case.verdict) for case in group.cases] == [
        ("training", "passed"),
        ("checkpoints", "failed"),
        ("later checks", "not run"),
    ]


def test_lost_host_is_named_and_what_follows_is_not_run(on_hosts, check, monkeypatch):
    def run(function, *arguments):
        raise HostLostError("1 of 3 workers lost: it is gone.")

    placement = on_hosts(1)
    monkeypatch.setattr(placement, "run", run)
    report = check(placement, "checkpoints", "quantization")
    assert [group.verdict for group in report.groups] == ["failed", "not run"]
    assert "HostLostError: 1 of 3 workers lost" in report.groups[0].cases[0].why


def test_checkpoints_lie_in_the_folder_given_and_are_gone_after(
    on_hosts, tmp_path, monkeypatch
):
    from shardline.embedding.conformance import kit

    seen = []

    class Watched(kit.Interchange):
        def __init__(self, placement, cases, folder, limit):
            seen.append(folder)
            super().__init__(placement, cases, folder, limit)

        def verdicts(self):
            return []

    monkeypatch.setattr(kit, "Interchange", Watched)
    Kit(on_hosts(1), folder=tmp_path).report(read_groups(["checkpoints"]))
    assert [folder.parent for folder in seen] == [tmp_path]
    assert list(tmp_path.iterdir()) == []


def test_report_is_written_as_strict_json(on_hosts, check, tmp_path):
    report = check(on_hosts(1), "quantization")
    write_json(report, tmp_path / "report.json")
    text = (tmp_path / "report.json").read_text()
    assert json.loads(text, parse_constant=pytest.fail) == report.as_json()
