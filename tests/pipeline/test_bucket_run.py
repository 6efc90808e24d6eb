"""A run in spans all of whose data, artifacts and models are in buckets."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from shardline_tests import load
from tfx import v1 as tfx

from shardline.components.execution.in_memory_beam import IN_MEMORY_RUNNER
from shardline.components.pusher.newest_model import newest_model
from shardline.components.pusher.stores.stores import open_store
from shardline.configs import load_run
from shardline.configs.schema import Run
from shardline.pipeline.metadata.store import sqlite_connection
from shardline.pipeline.pipeline import create_pipeline

days = load(Path(__file__).with_name("days.py"))

pytestmark = [pytest.mark.orchestration, pytest.mark.slow]

_SERVING = "bucket://models/serving"
_RUNS = 2


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The working folder, where nothing may appear."""
    return tmp_path_factory.mktemp("bucket_run")


@pytest.fixture(scope="module")
def buckets(spans_config: Path, movielens_zip: Path, folder: Path) -> Iterator[Any]:
    """What two runs have left, with TFX's own runner and a platform's paths."""
    with (
        load("bucket/buckets.py").buckets_in(folder / "buckets") as buckets,
        pytest.MonkeyPatch.context() as patch,
    ):
        (folder / "empty").mkdir()
        patch.chdir(folder / "empty")
        for name in ("data", "work", "models"):
            buckets.new(name)
        buckets.path("bucket://data/ml.zip").write_bytes(movielens_zip.read_bytes())
        buckets.refuse_writes("data")
        run = load_run(spans_config)
        for _ in range(_RUNS):
            pipeline = pipeline_of(run)
            pipeline.metadata_connection_config = sqlite_connection(folder / "metadata")
            tfx.orchestration.LocalDagRunner().run(pipeline)
        yield buckets


def pipeline_of(run: Run) -> tfx.dsl.Pipeline:
    return create_pipeline(
        run,
        pipeline_root="bucket://work/root/",
        data_path="bucket://data/ml.zip",
        data_version="",
        serving_dir=_SERVING,
        cache=False,  # of which TFX's runner knows no exception for SpanPlanner
        beam_options=[f"--runner={IN_MEMORY_RUNNER}"],
    )


def test_both_runs_have_published_and_the_second_a_delta(buckets: Any) -> None:
    state = json.loads(buckets.path(f"{_SERVING}/spans.json").read_text())
    store = open_store(_SERVING)

    assert [one["plan"]["new"] for one in state["runs"]] == [
        ["1997-10"],
        ["1997-11"],
    ]
    assert [one["verdict"] for one in state["runs"]] == ["published", "published"]
    versions = [int(one["version"]) for one in state["runs"]]
    assert (store.versions(), store.deltas()) == (versions[:1], versions[1:])
    base = state["runs"][1]["plan"]["base"]["checkpoint"]
    assert base.startswith("bucket://work/root/Trainer/checkpoint/")
    with newest_model(_SERVING) as (version, model):
        assert version == versions[1]
        assert (model / "saved_model.pb").exists()


def test_what_makes_a_version_count_is_written_last(buckets: Any) -> None:
    store = open_store(_SERVING)
    for version, last in (
        (store.versions()[0], "saved_model.pb"),
        (store.deltas()[0], "delta.json"),
    ):
        place = store.location(version)
        written = [line for line in buckets.log if line.startswith(f"write {place}/")]
        assert written[-1] == f"write {place}/{last}"


def test_nothing_is_left_beside_what_was_made(buckets: Any, folder: Path) -> None:
    assert os.listdir(folder / "empty") == []
    assert os.listdir(buckets.root / ".uploads") == []
    names = {path.name for path in buckets.path("bucket://work").rglob("*")}
    # Folders beside their places and probes end so, or are called so.
    assert [name for name in names if name.startswith((".shardline", "reports"))] == []
    assert [name for name in names if len(name.rpartition(".")[2]) == 32] == []


def test_all_components_have_left_their_outputs_in_the_bucket(buckets: Any) -> None:
    there = set(os.listdir(buckets.path("bucket://work/root")))

    assert there == {
        *("SpanPlanner", "SpanExamples", "SpanStatistics", "ReaderSchemaGen"),
        *("ExampleValidator", "FeatureTransform", "Trainer", "Exporter"),
        *("ServingValidator", "Evaluator", "ModelComparator", "Pusher"),
        *("spans", "counts"),
    }


def test_local_run_takes_its_data_from_a_bucket(
    shardline: Callable[..., Any], tmp_path: Path
) -> None:
    config = days.write_config(tmp_path)
    days.write_days(tmp_path, "2026-11-30")
    with load("bucket/buckets.py").buckets_in(tmp_path / "buckets") as buckets:
        data = f"{buckets.new('data')}/clicks"
        shutil.move(tmp_path / "clicks", buckets.path(data))
        text = config.read_text()
        config.write_text(text.replace(f"path: {tmp_path}/clicks", f"path: {data}"))

        finished = shardline(
            *("run", config, "--output-dir", tmp_path / "run"),
            environment=buckets.environment,
        )

    assert finished.returncode == 0, finished.text
    assert "Nothing is due" in finished.text
    assert "waiting for the span after 2026-11-30" in finished.text
