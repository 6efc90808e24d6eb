"""A series of scheduled runs, killed wherever it is, ends as one that was not.

`make torture` kills six runs in each of the 13 components in turn, and stops the
scheduler once; else it is four runs and as many kills.
"""

import os
import signal
import subprocess
import time
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from shardline_tests import load

from shardline.components.contracts.checkpoint_manifest import checkpoint_prefix
from shardline.components.contracts.spans.state import SpanState, load_state
from shardline.components.pusher.newest_model import newest_model
from shardline.pipeline.run_folder import RunFolder
from shardline.pipeline.schedule.folder import ScheduleFolder

killer = load("pipeline/schedule/killer/sitecustomize.py")
stopped_run = load("pipeline/test_stopped_run.py")
_TIME_LIMIT_S = 2400
pytestmark = [
    pytest.mark.orchestration,
    pytest.mark.slow,
    pytest.mark.timeout(_TIME_LIMIT_S + 600),
]
_IS_TORTURE = "KILLS" in os.environ
_FIRST, _RUNS = ("1997-10-H1", 6) if _IS_TORTURE else ("1997-11-H1", 4)
_END = 884_908_800  # of the half month that the last model is judged on: 1998-01-16
# They say when and where a version was made, or differ with it.
_OF_ITS_OWN = frozenset(
    {
        "delta.json",
        "fingerprint.pb",
        "model.json",
        "publication.json",
        "saved_model.pb",
    }
)
# How many runs are done, the component that runs then, and what is killed.
FEW = [
    (1, "FeatureTransform", "scheduler"),
    (2, "Trainer", "pipeline"),
    (3, "Pusher", "run"),
    (3, "SpanRecorder", "pipeline"),
]
ALL = [
    (0, "SpanPlanner", "pipeline"),
    (0, "ReaderSchemaGen", "run"),
    (0, "SpanExamples", "scheduler"),
    (1, "FeatureTransform", "pipeline"),
    (1, "SpanStatistics", "scheduler"),
    (2, "ExampleValidator", "pipeline"),
    (2, "Trainer", "scheduler"),
    (2, "Exporter", "run"),
    (3, "Trainer", "stop"),
    (3, "Evaluator", "pipeline"),
    (3, "ModelComparator", "scheduler"),
    (4, "ServingValidator", "run"),
    (4, "Pusher", "pipeline"),
    (5, "Pusher", "scheduler"),
    (5, "SpanRecorder", "pipeline"),
]
KILLS = ALL if _IS_TORTURE else FEW


@pytest.fixture(scope="module")
def config(spans_config: Path, movielens_zip: Path, tmp_path_factory: Any) -> Path:
    """Half months, of which some are trained on, by a model of little work."""
    folder = tmp_path_factory.mktemp("series")
    data = folder / "ml-100k.zip"
    with zipfile.ZipFile(movielens_zip) as old, zipfile.ZipFile(data, "w") as new:
        for name in old.namelist():
            lines = old.read(name).decode("latin-1").splitlines(keepends=True)
            if name.endswith(".inter"):
                rows = (line for line in lines[1:] if int(line.split("\t")[3]) < _END)
                lines = [lines[0], *rows]
            new.writestr(name, "".join(lines).encode("latin-1"))
    text = spans_config.read_text()
    for old_text, new_text in {
        str(movielens_zip): str(data),
        "every: month, first: 1997-10": f"every: half_month, first: {_FIRST}",
        "  genres:      {table: genre, combiner: mean}\n": "",
        "  past_genres: {table: genre, combiner: mean, "
        "weights: past_genre_counts}\n": "",
        "  genre: {dim: 8, optimizer: {sgd: {learning_rate: 0.1}}}\n": "",
        "epochs: 4": "epochs: 1",
        "min_auc: 0\n": "min_auc: 0\n  bootstrap: 0\n",
        "parity_examples: 200": "parity_examples: 20",
    }.items():
        assert old_text in text, old_text
        text = text.replace(old_text, new_text)
    text += "\nschedule: {every: 1d, retries: {attempts: 2, wait: 1s, factor: 1}}\n"
    path = folder / "series.yaml"
    path.write_text(text)
    return path


@pytest.fixture(scope="module")
def undisturbed(config: Path, shardline: Any, tmp_path_factory: Any) -> Path:
    """The run folder of all runs that are due, one after the other, in one process."""
    folder: Path = tmp_path_factory.mktemp("undisturbed") / "run"
    finished = shardline("run", config, "--output-dir", folder)
    assert finished.returncode == 0, "\n".join(finished.lines)
    return folder


@pytest.fixture(scope="module")
def killed(config: Path, shardline: Any, tmp_path_factory: Any) -> Path:
    """The run folder of a scheduler that was killed, whose runs were killed."""
    folder: Path = tmp_path_factory.mktemp("killed") / "run"
    plan = folder.with_name("kills")
    plan.write_text("".join(f"{' '.join(map(str, kill))}\n" for kill in KILLS))
    trigger = shardline("schedule", "trigger", config, "--output-dir", folder)
    assert trigger.returncode == 0, trigger.text
    deadline_s = time.monotonic() + _TIME_LIMIT_S
    scheduler = start(config, folder, plan)
    while not has_ended(folder):
        assert time.monotonic() < deadline_s, folder.with_name("said").read_text()
        if scheduler.poll() is not None:
            assert scheduler.returncode in (-signal.SIGKILL, 128 + signal.SIGTERM)
            scheduler = start(config, folder, plan)
        time.sleep(0.5)
    scheduler.terminate()
    assert scheduler.wait(60) == 128 + signal.SIGTERM
    assert plan.read_text() == ""
    assert stopped_run.processes_with(str(folder)) == []
    return folder


def start(config: Path, folder: Path, plan: Path) -> "subprocess.Popen[bytes]":
    """Starts a scheduler whose runs follow the plan of kills."""
    path = [str(Path(killer.__file__).parent), os.environ.get("PYTHONPATH", "")]
    environment = {
        "PYTHONPATH": os.pathsep.join(filter(None, path)),
        killer.PLAN: str(plan),
        killer.RUN_FOLDER: str(folder),
    }
    with folder.with_name("said").open("ab") as said:
        return subprocess.Popen(
            [stopped_run.SHARDLINE, "schedule", config, "--output-dir", folder],
            stdout=said,
            stderr=said,
            env={**os.environ, **environment},
        )


def has_ended(folder: Path) -> bool:
    """Tells whether nothing goes on or is to come, also not what was asked for."""
    schedule = ScheduleFolder(RunFolder(folder))
    state = schedule.state()
    if state is None or schedule.triggered_at():
        return False
    return state.running is None and state.waiting is None


def state_of(folder: Path) -> SpanState:
    return load_state(str(folder / "serving"), "small_spans")


def without_places(folder: Path) -> list[Any]:
    """What runs in spans have done, but for times, and where it lies."""
    places = ("base", "model", "version", "ended")
    runs = []
    for run in state_of(folder).runs:
        facts = run.model_dump(mode="json")
        for part in (facts, facts["plan"]):
            base = part["base"]
            part["base"] = base and {key: base[key] for key in ("steps", "spans")}
            part["baseline"] = part.get("baseline") is not None
        facts |= dict.fromkeys(places[1:], "")
        runs.append(facts)
    return runs


def tensors(prefix: str) -> dict[str, bytes]:
    """The bytes of all that a checkpoint or a SavedModel holds, by name."""
    reader = tf.train.load_checkpoint(prefix)
    return {
        name: np.asarray(reader.get_tensor(name)).tobytes()
        for name in reader.get_variable_to_shape_map()
    }


def test_every_kill_is_in_the_history(killed: Path) -> None:
    runs = ScheduleFolder(RunFolder(killed)).history()

    of_kills = Counter(what for _, _, what in KILLS)
    outcomes = Counter((run.outcome, run.exit_code) for run in runs)
    assert outcomes == Counter(
        {
            ("done", 0): _RUNS,
            ("interrupted", 128 + signal.SIGTERM): of_kills["stop"],
            ("killed", None): of_kills["scheduler"],
            ("failed", 75): of_kills["pipeline"],
            ("failed", 137): of_kills["run"],
        }
    )
    spans = [run.spans for run in runs if run.spans]
    assert spans == [(run.plan.spans,) for run in state_of(killed).runs]
    logs = [(killed / run.log).read_text() for run in runs]
    for _, component, what in KILLS:
        told = f"{component} was running since 20"
        assert what != "pipeline" or any(told in log for log in logs), component


def test_state_is_that_of_an_undisturbed_series(
    killed: Path, undisturbed: Path
) -> None:
    ours, theirs = without_places(killed), without_places(undisturbed)

    assert len(theirs) == _RUNS
    assert ours == theirs


def test_last_checkpoint_is_equal_bit_by_bit(killed: Path, undisturbed: Path) -> None:
    ours, theirs = (
        tensors(checkpoint_prefix(run.base.checkpoint))
        for folder in (killed, undisturbed)
        for run in state_of(folder).runs[-1:]
        if run.base
    )

    assert len(theirs) > 10
    assert ours.keys() == theirs.keys()
    assert [name for name in theirs if ours[name] != theirs[name]] == []


def test_as_many_versions_are_published_and_the_newest_is_equal(
    killed: Path, undisturbed: Path
) -> None:
    ours, theirs = (published(folder) for folder in (killed, undisturbed))

    assert {"user", "movie"} < theirs.keys()
    assert len(theirs) > 5
    assert ours == theirs


def published(folder: Path) -> dict[str, bytes]:
    """The tensors and vocabularies of the newest version; all that are there count."""
    serving = folder / "serving"
    versions = [run.version for run in state_of(folder).runs]
    there = [*serving.glob("[0-9]*"), *serving.glob("deltas/[0-9]*")]
    assert {path.name for path in there} == set(versions)
    assert len(set(versions)) == _RUNS
    assert sorted(versions, key=int) == versions
    with newest_model(serving) as (_, model):
        files = [path for path in (model / "assets").iterdir() if path.is_file()]
        contents = {path.name: path.read_bytes() for path in files}
        return tensors(str(model / "variables" / "variables")) | contents


def test_each_version_has_the_files_of_an_undisturbed_series(
    killed: Path, undisturbed: Path
) -> None:
    for ours, theirs in zip(
        state_of(killed).runs, state_of(undisturbed).runs, strict=True
    ):
        found = files_of(killed, ours.version)
        wanted = files_of(undisturbed, theirs.version)
        assert found.keys() == wanted.keys()
        assert [name for name in wanted if found[name] != wanted[name]] == []


def files_of(folder: Path, version: str) -> dict[str, bytes]:
    """The files of a version; those that hold times and places as if empty."""
    serving = folder / "serving"
    places = (serving / version, serving / "deltas" / version)
    root = next(place for place in places if place.is_dir())
    return {
        str(path.relative_to(root)): b""
        if path.name in _OF_ITS_OWN
        else path.read_bytes()
        for path in root.rglob("*")
        if path.is_file()
    }


def test_nothing_is_left_of_the_killed_ones(killed: Path) -> None:
    killed_run = load("pipeline/test_killed_run.py")

    left = killed_run.outputs_of_nobody(killed)
    # Spans are kept beside the outputs, for later runs.
    assert [path for path in left if path.parent.name != "spans"] == []
    assert list((killed / "schedule" / "logs").glob("*.json")) == []
