"""`shardline models`, as one sees it on a terminal."""

import json
import shutil
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from shardline.components.pusher.publication import Record
from shardline.components.pusher.publish import publish_model
from shardline.configs.serving import Publishing
from shardline.pipeline.commands import models
from shardline.pipeline.commands.app import app


def shardline(*arguments: str | Path) -> Result:
    command = [str(argument) for argument in arguments]
    return CliRunner().invoke(app, command, env={"COLUMNS": "200"})


def text(result: Result) -> str:
    """Returns what was printed, its line breaks as single spaces."""
    return " ".join(result.output.split())


def words(result: Result) -> list[list[str]]:
    """Returns the words of each line, the heads of the table left out."""
    return [line.split() for line in result.output.splitlines()[2:]]


@pytest.fixture
def run(small_config, tmp_path: Path) -> tuple[Path, str]:
    """A run's configuration, and the option that says where its outputs are."""
    return small_config(), f"--output-dir={tmp_path / 'run'}"


@pytest.fixture
def versions(tmp_path: Path) -> list[int]:
    """Three versions in the run's serving folder."""
    model = tmp_path / "model"
    (model / "assets.extra").mkdir(parents=True)
    made = []
    for step in range(3):
        card = {"metrics": {"auc": 0.5 + step / 10, "normalized_entropy": 0.9}}
        (model / "saved_model.pb").write_text(f"graph {step}")
        (model / "assets.extra" / "model.json").write_text(json.dumps(card))
        publishing = Publishing(mode="delta" if step == 1 else "full", max_delta=1.0)
        forced = "a demo" if step == 2 else None
        published = publish_model(
            model, str(tmp_path / "run" / "serving"), publishing, Record(forced=forced)
        )
        made.append(published.version)
    return made


def test_versions_are_shown_in_a_table(run, versions) -> None:
    result = shardline("models", "ls", *run)

    assert result.exit_code == 0, result.output
    newest, delta, oldest, note = words(result)
    assert newest[:4] == [str(versions[2]), "*", "full", "0.00"]
    assert newest[6:8] == ["0.7000", "0.9000"]
    assert delta[:5] == [str(versions[1]), "delta", "0.00", "0.00", "0"]
    assert oldest[:2] == [str(versions[0]), "full"]
    assert len(oldest[-1]) == 12
    assert " ".join(note) == f"{versions[2]} was forced: a demo"


def test_version_of_undefined_metrics_says_so(run, versions, tmp_path) -> None:
    model = tmp_path / "model"
    why = "all 9 evaluation examples have label 1"
    card = {"metrics": {"calibration": 0.9}, "undefined": {"auc": why}}
    (model / "assets.extra" / "model.json").write_text(json.dumps(card))
    serving = str(tmp_path / "run" / "serving")
    version = publish_model(model, serving, Publishing(), Record()).version

    shown = shardline("models", "ls", *run).output
    listed = json.loads(shardline("models", "ls", *run, "--json").output)[0]

    told = " ".join(shown.split())
    assert f"{version} was not judged: AUC is undefined: {why}" in told
    assert listed["metrics"] == {"calibration": 0.9}
    assert listed["undefined"] == {"auc": why}


def test_table_fits_a_terminal_of_80_columns(run, versions, monkeypatch) -> None:
    monkeypatch.setattr(models, "console", Console(width=80))

    lines = shardline("models", "ls", *run).output.splitlines()

    assert len(lines) == 2 + 3 + 1
    assert max(len(line) for line in lines) <= 80
    assert "…" not in "".join(lines)


def test_versions_can_be_had_as_json(run, versions) -> None:
    result = shardline("models", "ls", *run, "--json")

    rows = json.loads(result.output)
    assert [row["version"] for row in rows] == versions[::-1]
    assert [row["served"] for row in rows] == [True, False, False]
    assert rows[0]["metrics"] == {"auc": 0.7, "normalized_entropy": 0.9}


def test_serving_folder_can_be_named_itself(versions, tmp_path) -> None:
    serving = tmp_path / "run" / "serving"
    (serving / "7").mkdir()

    result = shardline("models", "ls", serving)

    expected = [*map(str, versions[::-1]), "7"]
    assert [row[0] for row in words(result)[:4]] == expected
    assert result.output.endswith("\n7 has no publication\n")


def test_folder_without_versions_says_so(tmp_path) -> None:
    assert text(shardline("models", "ls", tmp_path)).endswith(
        "holds no published model"
    )


@pytest.mark.parametrize("command", ["promote 7", "rollback", "gc --keep=1"])
def test_nothing_is_done_where_nothing_was_published(run, tmp_path, command) -> None:
    name, *more = command.split()

    result = shardline("models", name, run[0], *more, run[1])

    assert result.exit_code == 1
    assert "holds no published model. Run the pipeline first" in text(result)
    assert not (tmp_path / "run").exists()


def test_older_version_is_promoted(run, versions) -> None:
    result = shardline("models", "promote", run[0], str(versions[0]), run[1])

    again = versions[2] + 1
    assert text(result) == f"Version {again} has the content of version {versions[0]}"
    note = f"{again} has the content of {versions[0]}"
    assert note in text(shardline("models", "ls", *run))


def test_served_version_is_rolled_back(run, versions) -> None:
    result = shardline("models", "rollback", *run)

    _, second, third = versions
    assert text(result) == (
        f"Version {third + 1} has the content of version {second}; {third} is no "
        "longer served"
    )
    note = f"{third + 1} has the content of {second}; is a rollback of {third}"
    assert note in text(shardline("models", "ls", *run))


def test_old_versions_are_removed(run, versions) -> None:
    removed = f"remove {versions[0]}, {versions[1]}: 0.00 MB"

    dry = shardline("models", "gc", *run, "--keep=1", "--dry-run")
    done = shardline("models", "gc", *run, "--keep=1")
    again = shardline("models", "gc", *run, "--keep=1")

    assert text(dry) == f"Would {removed}"
    assert text(done) == removed.replace("remove", "Removed")
    assert text(again) == "Removed nothing: 0.00 MB"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["models", "promote", "HERE", "7"], "has no version 7; there is"),
        (["models", "rollback", "absent.yaml"], "absent.yaml: cannot be read"),
    ],
    ids=["version", "configuration"],
)
def test_fault_is_told_in_a_line(arguments, told, versions, tmp_path) -> None:
    here = str(tmp_path / "run" / "serving")

    result = shardline(*(here if part == "HERE" else part for part in arguments))

    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit), result.exception
    assert told in text(result)


@pytest.mark.orchestration
def test_models_in_a_bucket_are_changed_as_those_in_a_folder(
    versions, tmp_path: Path, buckets
) -> None:
    place = f"{buckets.new('models')}/serving"
    shutil.copytree(tmp_path / "run" / "serving", buckets.path(place))

    rolled_back = shardline("models", "rollback", place)
    collected = shardline("models", "gc", place, "--keep=1")
    listed = words(shardline("models", "ls", place))

    assert "has the content of" in rolled_back.output
    assert collected.output.startswith("Removed ")
    assert len(listed) == 2  # a line of the table, and one that says what it is
    assert listed[0][1] == "*"
    buckets.close("models")
    refused = shardline("models", "ls", place)
    assert refused.exit_code == 1
    assert "access to bucket models denied" in text(refused)


@pytest.mark.orchestration
def test_nothing_of_tensorflow_is_said_of_a_bucket(
    request: pytest.FixtureRequest, buckets
) -> None:
    run = request.getfixturevalue("shardline")
    place = f"{buckets.new('models')}/serving"

    finished = run("models", "ls", place, environment=buckets.environment)

    assert finished.returncode == 0, finished.text
    assert finished.lines == [f"{place} holds no published model"]
