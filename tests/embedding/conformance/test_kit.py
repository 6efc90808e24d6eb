"""The kit passes on the engine as it is, wherever it runs, and stops where it must."""

import json

import pytest

from shardline.embedding.cluster import HostLostError
from shardline.embedding.conformance.golden import GROUPS, read_groups
from shardline.embedding.conformance.kit import Kit, write_json
from shardline.embedding.conformance.time_limit import NoAnswerError, TimeLimit

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
    assert told[1].cases[0].why.startswith("sequences ended")


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
