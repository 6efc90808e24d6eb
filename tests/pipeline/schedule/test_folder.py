"""What a scheduler keeps: read as it was written, and what damage does."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from shardline.pipeline.run_folder import RunFolder
from shardline.pipeline.schedule.folder import (
    ScheduleFolder,
    SchedulerState,
    ScheduleStateError,
)
from shardline.pipeline.schedule.start import PastRun, Start

pytestmark = pytest.mark.orchestration
NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> ScheduleFolder:
    made = ScheduleFolder(RunFolder(tmp_path))
    made.make()
    return made


def run(number: int, folder: ScheduleFolder) -> PastRun:
    """A past run with its log."""
    started = NOON + timedelta(hours=number)
    log = folder.log_name(started)
    folder.log(log).touch()
    return PastRun(
        start=Start(due=started),
        started=started,
        ended=started,
        outcome="done",
        log=log,
    )


def test_state_is_read_as_it_was_written(folder: ScheduleFolder) -> None:
    assert folder.state() is None
    state = SchedulerState(seen_until=NOON, rhythm="every hour")

    folder.save(state)

    assert folder.state() == state


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 1}', "\x00", "é"])
def test_damaged_state_is_named_with_a_remedy(
    text: str, folder: ScheduleFolder
) -> None:
    (folder.path / "state.json").write_text(text, encoding="latin-1")

    with pytest.raises(ScheduleStateError, match=r"state.json is damaged: .*remove it"):
        folder.state()


def test_state_of_a_later_version_is_named(folder: ScheduleFolder) -> None:
    folder.save(SchedulerState(seen_until=NOON, format=2))

    with pytest.raises(ScheduleStateError, match="has format 2, and format 1 can be"):
        folder.state()


def test_history_keeps_the_newest_runs_and_their_logs(folder: ScheduleFolder) -> None:
    runs = [run(number, folder) for number in range(5)]
    for one in runs:
        folder.add_to_history([one], kept=3)

    assert folder.history() == runs[2:]
    logs = {folder.log(one.log) for one in runs[2:]}
    assert set((folder.path / "logs").iterdir()) == logs


def test_log_that_cannot_be_removed_changes_nothing_else(
    folder: ScheduleFolder,
) -> None:
    runs = [run(number, folder) for number in range(2)]
    log = folder.log(runs[0].log)
    log.unlink()
    log.mkdir()
    for one in runs:
        folder.add_to_history([one], kept=1)

    assert folder.history() == runs[1:]


def test_damaged_lines_of_a_history_are_left_out_and_kept(
    folder: ScheduleFolder,
) -> None:
    runs = [run(number, folder) for number in range(2)]
    folder.add_to_history(runs[:1], kept=10)
    with (folder.path / "history.jsonl").open("ab") as file:
        file.write(b'{"start": \xff\n{}\n')

    for one in runs[1:]:
        folder.add_to_history([one], kept=10)

    assert folder.history() == runs
    _, *damaged, _ = (folder.path / "history.jsonl").read_text().splitlines()
    assert damaged == ['{"start": \\xff', "{}"]
    folder.add_to_history([], kept=1)
    assert folder.history() == runs[-1:]


def test_failure_of_a_run_may_hold_any_character(folder: ScheduleFolder) -> None:
    odd = "a\u2028b\x0bc\x85d\x00e\nf\r"
    one = run(0, folder).model_copy(update={"failure": odd})

    folder.add_to_history([one], kept=10)

    assert folder.history() == [one]


def test_pause_and_trigger_are_told_and_taken_back(folder: ScheduleFolder) -> None:
    assert folder.paused_since() is None
    assert folder.triggered_at() is None
    folder.pause(NOON)
    folder.trigger(NOON)
    assert folder.paused_since() == NOON
    assert folder.triggered_at() == NOON
    (folder.path / "paused.json").write_text("damaged")
    assert folder.paused_since()  # it is there, whatever it says

    for _ in range(2):
        folder.resume()
        folder.take_trigger()

    assert folder.paused_since() is None
    assert folder.triggered_at() is None


def test_what_a_killed_scheduler_has_left_is_removed(folder: ScheduleFolder) -> None:
    one = run(0, folder)
    folder.add_to_history([one], kept=1)
    folder.save(SchedulerState(seen_until=NOON))
    for name in (".state.json.0123", ".history.jsonl.0123", "logs/a.json"):
        (folder.path / name).touch()

    folder.remove_remains(None)

    left = {str(path.relative_to(folder.path)) for path in folder.path.rglob("*")}
    name = Path(one.log).name
    assert left == {"logs", f"logs/{name}", "history.jsonl", "state.json"}
