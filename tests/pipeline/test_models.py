"""`shardline models` and `shardline agent`, as one sees them on a terminal."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from components.publishing.publication import Record
from components.publishing.publish import publish_model
from configs.serving import Publishing
from pipeline.cli import app


def shardline(*arguments: str | Path) -> Result:
    command = [str(argument) for argument in arguments]
    return CliRunner().invoke(app, command, env={"COLUMNS": "200"})


def text(result: Result) -> str:
    """Returns what was printed, its line breaks as single spaces."""
    return " ".join(result.output.split())


def cells(result: Result) -> list[list[str]]:
    """Returns the rows of a printed table."""
    rows = [line.split("│")[1:-1] for line in result.output.splitlines()]
    return [[cell.strip() for cell in row] for row in rows if row]


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
    newest, delta, oldest = cells(result)
    assert newest[:3] == [str(versions[2]), "*", "full"]
    assert newest[7:9] == ["0.7000", "0.9000"]
    assert newest[-1] == "forced: a demo"
    assert delta[:3] == [str(versions[1]), "", "delta"]
    assert delta[5] == "0"
    assert oldest[4:6] == ["", ""]
    assert len(oldest[9]) == 12


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

    assert [row[0] for row in cells(result)] == [*map(str, versions[::-1]), "7"]
    assert cells(result)[-1][-1] == "without a publication"


def test_folder_without_versions_says_so(tmp_path) -> None:
    assert text(shardline("models", "ls", tmp_path)).endswith(
        "holds no published model"
    )


def test_older_version_is_promoted(run, versions) -> None:
    result = shardline("models", "promote", run[0], str(versions[0]), run[1])

    again = versions[2] + 1
    assert text(result) == f"Version {again} has the content of version {versions[0]}"
    assert cells(shardline("models", "ls", *run))[0][-1] == f"as {versions[0]}"


def test_served_version_is_rolled_back(run, versions) -> None:
    result = shardline("models", "rollback", *run)

    _, second, third = versions
    assert text(result) == (
        f"Version {third + 1} has the content of version {second}; {third} is no "
        "longer served"
    )
    notes = cells(shardline("models", "ls", *run))[0][-1]
    assert notes == f"as {second}; rollback of {third}"


def test_old_versions_are_removed(run, versions) -> None:
    removed = f"remove {versions[0]}, {versions[1]}: 0.00 MB"

    dry = shardline("models", "gc", *run, "--keep=1", "--dry-run")
    done = shardline("models", "gc", *run, "--keep=1")
    again = shardline("models", "gc", *run, "--keep=1")

    assert text(dry) == f"Would {removed}"
    assert text(done) == removed.replace("remove", "Removed")
    assert text(again) == "Removed nothing: 0.00 MB"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["models", "promote", "HERE", "7"], "has no version 7; there is"),
        (["models", "rollback", "absent.yaml"], "absent.yaml: cannot be read"),
        (["agent", "absent", "HERE", "--once"], ""),
    ],
    ids=["version", "configuration", "agent"],
)
def test_fault_is_told_in_a_line(arguments, words, versions, tmp_path) -> None:
    here = str(tmp_path / "run" / "serving")

    result = shardline(*(here if part == "HERE" else part for part in arguments))

    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit), result.exception
    assert words in text(result)


def test_agent_makes_what_is_published(versions, tmp_path) -> None:
    target = tmp_path / "models"

    result = shardline("agent", tmp_path / "run" / "serving", target, "--once")

    assert result.exit_code == 0, result.output
    assert (target / str(versions[2]) / "saved_model.pb").read_text() == "graph 2"
