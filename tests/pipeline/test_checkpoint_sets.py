"""Where the checkpoint sets of a run are looked for."""

import os
from pathlib import Path

import pytest

from shardline.pipeline.checkpoint_sets import (
    NoTrainingError,
    training_of,
    trainings_of,
)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run folder with the sets of three trainings, that of `abc` the newest."""
    sets = tmp_path / "run" / "artifacts" / "Trainer" / "sets"
    for age, name in enumerate(("abc", "abd", "f00")):
        (sets / name / "step-000000000010-full").mkdir(parents=True)
        os.utime(sets / name, (1000 - age, 1000 - age))
    (sets / "settings.json").touch()
    (sets / "none-yet").mkdir()
    (tmp_path / "run" / ".lock").touch()
    return tmp_path / "run"


def names(*arguments) -> list[str]:
    return [one.fingerprint for one in trainings_of(*arguments)]


def test_trainings_of_a_run_folder_come_newest_first(run) -> None:
    assert names(str(run)) == ["abc", "abd", "f00"]
    assert training_of(str(run)).fingerprint == "abc"


def test_configuration_leads_to_its_run_folder(
    run, small_config, tmp_path, monkeypatch
) -> None:
    config = small_config()

    assert names(str(config), run) == ["abc", "abd", "f00"]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    run.rename(tmp_path / "runs" / "small")
    assert names(str(config)) == ["abc", "abd", "f00"]


def test_configuration_may_name_another_folder(
    run, small_config, tmp_path, monkeypatch
) -> None:
    sets = run / "artifacts" / "Trainer" / "sets"
    config = small_config(hosts=f"2\n  checkpoint: {{folder: {sets}}}")

    assert names(str(config), tmp_path / "another run") == ["abc", "abd", "f00"]


def test_folder_of_sets_is_one_training(run) -> None:
    folder = run / "artifacts" / "Trainer" / "sets" / "abd"

    (only,) = trainings_of(str(folder))

    assert (only.fingerprint, only.folder) == ("abd", folder)


def test_folder_of_such_folders_has_them_newest_first(run) -> None:
    assert names(str(run / "artifacts" / "Trainer" / "sets")) == ["abc", "abd", "f00"]


def test_training_is_named_by_the_beginning_of_its_fingerprint(run) -> None:
    assert training_of(str(run), "f").fingerprint == "f00"
    assert training_of(str(run), "abd").fingerprint == "abd"


@pytest.mark.parametrize(("name", "count"), [("ab", "2"), ("x", "No")])
def test_name_must_be_that_of_one_training(run, name, count) -> None:
    with pytest.raises(NoTrainingError, match=f"^{count} trainings.*abc, abd, f00"):
        training_of(str(run), name)


def test_run_without_sets_says_where_they_would_be(tmp_path) -> None:
    (tmp_path / "artifacts").mkdir()

    with pytest.raises(NoTrainingError, match=r"Trainer/sets/<training>"):
        trainings_of(str(tmp_path))
