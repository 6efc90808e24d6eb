"""Whole runs whose evaluation split has one label, by the real command."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from ml_metadata.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd

pytestmark = pytest.mark.slow

TEXT = """\
name: one_label
data:
  path: FOLDER
  files:
    format: csv
    splits: {train: a.csv}
    held_out: {eval: {column: day, at_least: 90}}
features:
  user: {table: user}
tables:
  user: {dim: 4}
model:
  options: {hidden_units: [8]}
training: {batch_size: 32, epochs: 1}
evaluation: {min_auc: 0.0}
"""
WHY = "all 30 evaluation examples have label 0"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Examples of which the held-out ones have label 0."""
    folder = tmp_path_factory.mktemp("one_label")
    lines = [f"u{day % 15},{day},{day % 2 if day < 90 else 0}" for day in range(120)]
    data = folder / "data"
    data.mkdir()
    (data / "a.csv").write_text("\n".join(["user,day,label", *lines]))
    text = TEXT.replace("FOLDER", str(data))
    (folder / "open.yaml").write_text(text)
    (folder / "asking.yaml").write_text(text.replace("min_auc: 0.0", "min_auc: 0.6"))
    return folder


@pytest.fixture(scope="module")
def published(folder: Path, shardline: Callable[..., Any]) -> Any:
    """A run that asks for no AUC."""
    return shardline("run", folder / "open.yaml", "--output-dir", folder / "run")


def test_run_that_asks_for_no_auc_publishes_and_says_it_is_undefined(
    published: Any,
) -> None:
    assert published.returncode == 0, "\n".join(published.lines)
    assert re.search(rf"AUC\W+undefined: {WHY}", published.text)
    assert "published all the same, for evaluation.min_auc is 0.0" in published.text
    told = f"AUC, normalized entropy and calibration are undefined: {WHY}"
    before, _, after = published.text.partition("step 2 of 2")
    assert told in before
    assert f"evaluation: {told}" in after


def test_reasons_stand_where_the_numbers_would(published: Any, folder: Path) -> None:
    assert published.returncode == 0
    (card,) = (folder / "run" / "serving").glob("*/assets.extra/model.json")
    described = json.loads(card.read_text())
    connection = mlmd.ConnectionConfig()
    connection.sqlite.filename_uri = str(folder / "run" / "metadata.sqlite")
    store = MetadataStore(connection)
    (checkpoint,) = store.get_artifacts_by_type("shardline.HostShardedCheckpoint")
    (logs,) = (folder / "run" / "artifacts").glob("Trainer/model_run/*/eval/*")
    written = [
        value.tag
        for event in tf.compat.v1.train.summary_iterator(str(logs))
        for value in event.summary.value
    ]

    names = ["auc", "normalized_entropy", "calibration"]
    assert described["metrics"] == {}
    assert described["undefined"] == dict.fromkeys(names, WHY)
    properties = checkpoint.custom_properties
    assert properties["auc_undefined"].string_value == WHY
    assert not set(names) & set(properties)
    assert written == ["undefined"]


def test_run_that_asks_for_an_auc_ends_with_the_reason(
    published: Any, folder: Path, shardline: Callable[..., Any]
) -> None:
    assert published.returncode == 0

    finished = shardline("run", folder / "asking.yaml", "--output-dir", folder / "run")

    assert finished.returncode == 1
    assert finished.components["Trainer"] == "reused"
    assert (
        f"evaluation: AUC is undefined: {WHY}; at least 0.6 is asked for "
        "(evaluation.min_auc)." in finished.text
    )
