"""The manifest of a checkpoint."""

import json
import os
from pathlib import Path

import pytest

from shardline.components.contracts.artifacts import HostShardedCheckpoint
from shardline.components.contracts.checkpoint_manifest import (
    CheckpointManifest,
    checkpoint_prefix,
    load_manifest,
)
from shardline.configs.schema import (
    Adam,
    Feature,
    FeatureSet,
    Model,
    Number,
    Optimizer,
    Table,
)


@pytest.fixture
def manifest() -> CheckpointManifest:
    """A manifest with a value everywhere."""
    return CheckpointManifest(
        steps=120,
        hosts=2,
        rows={"user": 61},
        feature_set=FeatureSet(
            features={"user_id": Feature(table="user")},
            numbers={"age": Number(scale="z_score", missing=30.0)},
            tables={"user": Table(dim=4, optimizer=Optimizer(adam=Adam(epsilon=1e-9)))},
        ),
        model=Model(options={"hidden_units": [16, 8]}),
        label="liked",
        example_weight="times_seen",
        metrics={"auc": 0.7125, "calibration": 1.25},
    )


def test_manifest_is_read_as_it_was_written(
    manifest: CheckpointManifest, tmp_path: Path
) -> None:
    manifest.save(str(tmp_path))

    assert load_manifest(str(tmp_path)) == manifest


def test_everything_is_on_the_disk_before_the_manifest_appears(
    manifest: CheckpointManifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "parity").mkdir()
    (tmp_path / "parity" / "scores").write_text("1")
    (tmp_path / "checkpoint.index").write_text("2")
    synced, sync = [], os.fsync

    def record(number: int) -> None:
        path = Path(os.readlink(f"/proc/self/fd/{number}"))
        synced.append((str(path.relative_to(tmp_path)), seen()))
        sync(number)

    def seen() -> bool:
        return (tmp_path / "manifest.json").exists()

    monkeypatch.setattr(os, "fsync", record)

    manifest.save(str(tmp_path))

    before = [name for name, has_manifest in synced if not has_manifest]
    assert sorted(before) == [
        ".",
        "checkpoint.index",
        "manifest.json.partial",
        "parity",
        "parity/scores",
    ]
    assert before[-1] == "manifest.json.partial"
    assert [name for name, has_manifest in synced if has_manifest] == ["."]


def test_manifest_says_plainly_what_is_predicted(
    manifest: CheckpointManifest, tmp_path: Path
) -> None:
    manifest.save(str(tmp_path))

    written = json.loads((tmp_path / "manifest.json").read_text())

    assert written["label"] == "liked"
    assert written["example_weight"] == "times_seen"


def test_file_keeps_its_keys(manifest: CheckpointManifest, tmp_path: Path) -> None:
    """Checkpoints that were written once are read by them."""
    manifest.save(str(tmp_path))

    written = json.loads((tmp_path / "manifest.json").read_text())

    assert set(written) == {
        "dense",
        "example_weight",
        "features",
        "hosts",
        "label",
        "metrics",
        "model",
        "rows",
        "spans",
        "steps",
        "undefined",
        "vocabularies",
        "warm_start",
    }


@pytest.mark.parametrize("key", ["dense", "spans", "vocabularies", "warm_start"])
def test_manifest_of_before_there_were_spans_is_read(
    manifest: CheckpointManifest, tmp_path: Path, key: str
) -> None:
    manifest.save(str(tmp_path))
    written = json.loads((tmp_path / "manifest.json").read_text())
    del written[key]
    (tmp_path / "manifest.json").write_text(json.dumps(written))

    assert load_manifest(str(tmp_path)) == manifest


def test_folder_without_a_manifest_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load_manifest(str(tmp_path))


def test_prefix_lies_in_the_folder() -> None:
    assert checkpoint_prefix("/a/b") == "/a/b/checkpoint"


def test_artifact_type_is_found_by_its_name() -> None:
    package, _, name = HostShardedCheckpoint.TYPE_NAME.partition(".")

    assert getattr(__import__(package), name) is HostShardedCheckpoint
