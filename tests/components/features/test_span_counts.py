"""Spans that FeatureTransform meets in run after run are counted once."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from shardline_tests import load
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.types import standard_artifacts

from shardline.components.execution.in_memory_beam import in_memory_pipeline
from shardline.components.features.analysis import beam_analysis
from shardline.components.features.executor import Executor, sources_of
from shardline.components.readers.files import Unit
from shardline.configs.schema import Feature, FeatureSet, Table, Target

stored_spans = load("components/span_examples/stored_spans.py")
FIRST_DAY, SECOND_DAY, THIRD_DAY = stored_spans.DAYS
PREPROCESSING = FeatureSet(
    features={
        "user": Feature(table="user"),
        "tags": Feature(table="tag", combiner="sum"),
    },
    tables={"user": Table(dim=1), "tag": Table(dim=1)},
).preprocessing(Target(label="label"))


@pytest.fixture
def runs(tmp_path: Path) -> Any:
    """Runs on three days of forty examples each."""
    stored_spans.write_days(tmp_path / "data")
    return stored_spans.Runs(tmp_path)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The names of files that are read to be counted."""
    read: list[str] = []
    read_unit = beam_analysis.read_unit

    def reads(unit: Unit, *rest: Any, **more: Any) -> Any:
        read.append(Path(unit.file).name[:10])
        return read_unit(unit, *rest, **more)

    monkeypatch.setattr(beam_analysis, "read_unit", reads)
    return read


def transform(runs: Any, examples: Any) -> dict[str, Any]:
    """Runs FeatureTransform; gives vocabularies and the number of examples."""
    graph, transformed = (
        standard_artifacts.TransformGraph(),
        standard_artifacts.Examples(),
    )
    folder = runs.folder / "FeatureTransform"
    graph.uri = str(folder / "transform_graph" / str(runs.number))
    transformed.uri = str(folder / "transformed_examples" / str(runs.number))
    properties = {
        "preprocessing": PREPROCESSING.model_dump_json(),
        "cache_folder": "",
        "code_version": "1",
    }
    context = BaseBeamExecutor.Context(make_beam_pipeline_fn=in_memory_pipeline)
    Executor(context).Do(
        {"examples": [examples]},
        {"transform_graph": [graph], "transformed_examples": [transformed]},
        properties,
    )
    assets = Path(graph.uri) / "transform_fn" / "assets"
    counts = {
        split: sum(
            1
            for file in Path(transformed.uri).glob(f"Split-{split}/*")
            for _ in tf.data.TFRecordDataset(str(file), "GZIP")
        )
        for split in json.loads(transformed.split_names)
    }
    return counts | {
        file.name: file.read_text().split() for file in sorted(assets.iterdir())
    }


def test_a_source_is_a_part_of_a_span(runs: Any) -> None:
    examples = runs.run(FIRST_DAY, f"{SECOND_DAY}/head", evaluate=f"{SECOND_DAY}/tail")

    sources = sources_of([examples])

    assert [(source.split, source.span) for source in sources] == [
        ("train", FIRST_DAY),
        ("train", f"{SECOND_DAY}/head"),
        ("eval", f"{SECOND_DAY}/tail"),
    ]
    assert all(Path(file).is_file() for source in sources for file in source.files)
    assert len({source.known_as for source in sources}) == 3


def test_the_next_run_counts_the_new_span_alone(
    runs: Any, counted: list[str], tmp_path: Path
) -> None:
    first = transform(runs, runs.run(FIRST_DAY, evaluate=SECOND_DAY))
    assert set(counted) == {FIRST_DAY}
    assert first["eval"] == 40
    counted.clear()
    shutil.rmtree(tmp_path / "SpanExamples" / "examples" / "1")

    second = transform(runs, runs.run(FIRST_DAY, SECOND_DAY, evaluate=THIRD_DAY))

    assert set(counted) == {SECOND_DAY}
    assert (second["train"], second["eval"]) == (80, 40)
    alone = stored_spans.Runs(tmp_path / "alone")
    stored_spans.write_days(alone.data)
    assert second == transform(
        alone, alone.run(FIRST_DAY, SECOND_DAY, evaluate=THIRD_DAY)
    )


def test_a_tail_that_was_judged_on_is_counted_when_it_is_trained_on(
    runs: Any, counted: list[str]
) -> None:
    transform(runs, runs.run(f"{FIRST_DAY}/head", evaluate=f"{FIRST_DAY}/tail"))
    counted.clear()

    made = transform(
        runs,
        runs.run(
            f"{FIRST_DAY}/tail", f"{SECOND_DAY}/head", evaluate=f"{SECOND_DAY}/tail"
        ),
    )

    assert (made["train"], made["eval"]) == (40, 10)
    assert set(counted) == {FIRST_DAY, SECOND_DAY}


def test_a_new_version_of_a_span_is_counted(runs: Any, counted: list[str]) -> None:
    transform(runs, runs.run(FIRST_DAY, evaluate=SECOND_DAY))
    counted.clear()
    stored_spans.write_days(runs.data, rows=50, days=[0])

    made = transform(runs, runs.run(FIRST_DAY, evaluate=SECOND_DAY))

    assert set(counted) == {FIRST_DAY}
    assert made["train"] == 50


def test_damaged_counts_are_counted_again(
    runs: Any, counted: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    whole = transform(runs, runs.run(FIRST_DAY, evaluate=SECOND_DAY))
    counted.clear()
    (kept,) = (runs.folder / "FeatureTransform" / "counts").iterdir()
    next(kept.glob("user-*")).unlink()

    assert transform(runs, runs.run(FIRST_DAY, evaluate=SECOND_DAY)) == whole
    assert set(counted) == {FIRST_DAY}
    assert "counts are damaged" in caplog.text
