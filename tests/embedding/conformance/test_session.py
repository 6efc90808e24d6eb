"""One check from its options to its end."""

import os

import pytest

from shardline.embedding.conformance import session
from shardline.embedding.conformance.session import Ended, Options, run_session


@pytest.fixture
def shown():
    """What was shown, in order: lines, and names of groups."""
    return []


@pytest.fixture
def run(shown):
    """Runs a check of one small group."""

    def check(**options):
        options = Options(only=["quantization"], **options)
        return run_session(
            options, shown.append, lambda group: shown.append(group.name)
        )

    return check


def test_each_group_is_shown_between_heading_and_summary(run, shown, tmp_path):
    ended = run(json_file=tmp_path / "report.json", folder=tmp_path)

    assert ended == Ended(exit_code=0, hangs=False)
    assert shown[0] == "Checking the engine on 2 logical hosts"
    assert shown[3].split()[:2] == ["group", "verdict"]
    assert shown[4:] == ["quantization", "1 group: 1 passed"]
    assert (tmp_path / "report.json").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"folder": "no"}, "--folder: .*no is no folder"),
        ({"folder": "file"}, "--folder: .*file is no folder"),
        ({"json_file": "no/report.json"}, "--json: .*no is no folder"),
        ({"json_file": "folder"}, "--json: .*folder is a folder"),
    ],
)
def test_wrong_path_is_told_before_an_engine_is_made(
    run, shown, tmp_path, monkeypatch, options, message
):
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    monkeypatch.setattr(session, "chosen_placement", pytest.fail)
    with pytest.raises(OSError, match=message):
        run(**{name: tmp_path / path for name, path in options.items()})
    assert shown == []


def test_folder_that_takes_no_files_is_told(run, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(PermissionError, match=r"--folder: .* cannot be written to"):
        run(folder=tmp_path)


def test_process_is_left_by_force_only_where_a_call_hangs(monkeypatch):
    codes = []
    monkeypatch.setattr(os, "_exit", codes.append)
    Ended(0, hangs=False).leave_if_hung()
    Ended(1, hangs=True).leave_if_hung()
    assert codes == [1]
