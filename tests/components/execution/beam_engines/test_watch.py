"""Waiting for jobs that may never end."""

import threading
from pathlib import Path

import pytest

from shardline.components.execution.beam_engines import watch
from shardline.components.execution.beam_engines.errors import BeamEngineError
from shardline.components.execution.beam_runners import beam_runner


def nothing() -> None:
    """Looks, and finds all well."""


def not_cancelled() -> None:
    raise AssertionError


def test_what_ends_is_returned() -> None:
    assert watch.wait_watching(lambda: "DONE", nothing, not_cancelled) == "DONE"


def test_what_fails_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        watch.wait_watching(lambda: 1 // 0, nothing, not_cancelled)


@pytest.mark.parametrize("end", [BeamEngineError("enough"), KeyboardInterrupt()])
def test_what_is_given_up_is_cancelled_first(
    end: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "_LOOK_S", 0.01)
    looks, cancelled = iter(range(3)), threading.Event()

    def look() -> None:
        if next(looks) == 2:
            raise end

    with pytest.raises(type(end)):
        watch.wait_watching(cancelled.wait, look, cancelled.set)
    assert cancelled.is_set()


def test_engine_that_does_not_cancel_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "_LOOK_S", 0.01)
    monkeypatch.setattr(watch, "_ENDS_WITHIN_S", 0.01)
    never = threading.Event()

    def look() -> None:
        raise BeamEngineError("enough")

    with pytest.raises(BeamEngineError, match="enough"):
        watch.wait_watching(never.wait, look, lambda: print(never.wait()))


def test_folder_in_which_nothing_changes_is_told(tmp_path: Path) -> None:
    stillness = watch.Stillness(str(tmp_path), limit_s=0.0)
    file = tmp_path / "below" / "file"
    file.parent.mkdir()
    for text in ("a", "ab", "abc"):
        file.write_text(text)
        stillness.check()

    stillness._changed -= 1
    with pytest.raises(
        BeamEngineError, match=rf"No worker has .* {tmp_path} for 0 minutes \(--still"
    ):
        stillness.check()


@pytest.mark.parametrize(
    ("name", "told"), [("dask", "/folder"), ("portable", "/folder"), ("flink", None)]
)
def test_runners_of_this_project_are_told_where_their_jobs_write(
    name: str, told: str | None
) -> None:
    pipeline = watch.watching(beam_runner(name), "/folder").pipeline()

    assert pipeline.options.view_as(watch.WatchOptions).watched_folder == told


def test_limit_of_stillness_is_an_option() -> None:
    pipeline = beam_runner("portable", ["--still_limit_s=90"]).pipeline()

    assert pipeline.options.view_as(watch.WatchOptions).still_limit_s == 90
