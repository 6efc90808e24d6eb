"""Waiting for jobs that may never end."""

import threading
from pathlib import Path

import pytest

from shardline.components.execution.beam_engines import watch
from shardline.components.execution.beam_engines.errors import BeamEngineError
from shardline.components.execution.beam_runners import beam_runner


def nothing() -> None:
    """Looks, and finds all well."""


def test_what_ends_is_returned() -> None:
    assert watch.wait_watching(lambda: "DONE", nothing) == "DONE"


def test_what_fails_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        watch.wait_watching(lambda: 1 // 0, nothing)


def test_what_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "_LOOK_S", 0.01)
    looks = iter(range(3))

    def look() -> None:
        if next(looks) == 2:
            raise BeamEngineError("enough")

    with pytest.raises(BeamEngineError, match="enough"):
        watch.wait_watching(threading.Event().wait, look)


def test_folder_in_which_nothing_changes_is_told(tmp_path: Path) -> None:
    stillness = watch.Stillness(str(tmp_path), limit_s=0.0)
    file = tmp_path / "below" / "file"
    file.parent.mkdir()
    for text in ("a", "ab", "abc"):
        file.write_text(text)
        stillness.check()

    stillness._changed -= 1
    with pytest.raises(BeamEngineError, match=rf"No worker has .* {tmp_path} for 0 mi"):
        stillness.check()


def test_runner_tells_its_pipelines_where_they_write() -> None:
    runner = watch.watching(beam_runner("direct"), "/folder")

    assert runner.pipeline().options.view_as(watch.WatchOptions).watched_folder == (
        "/folder"
    )
