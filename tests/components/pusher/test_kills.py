"""A publisher or agent that is killed leaves what is served whole.

The kills are those of the benchmark, fewer of them.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import tensorflow as tf

from benchmarks.serving.programs.kills import Counts, look, write_model
from shardline.components.contracts.model_folder import versions_among
from shardline.components.pusher.publication import Record
from shardline.components.pusher.publish import publish_model
from shardline.configs.serving import Publishing

ROOT = Path(__file__).parents[3]


def started(*arguments: str | Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks.serving.programs.kills", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


def counts_of(process: subprocess.Popen[str]) -> Counts:
    told, _ = process.communicate()
    assert process.returncode == 0
    return Counts(**json.loads(told))


def assert_harmless(counts: Counts) -> None:
    assert counts.observed > 0
    harm = (counts.broken, counts.mixed, counts.decreased, counts.failed)
    assert harm == (0, 0, 0, 0)
    assert counts.left_over == 0


def test_kill_at_a_random_moment_harms_nobody(tmp_path: Path) -> None:
    counts = counts_of(started("random", "40", tmp_path))

    assert counts.kills >= 40
    assert counts.ended > 5
    assert counts.versions > 2
    assert_harmless(counts)


def test_kill_before_any_step_harms_nobody(tmp_path: Path) -> None:
    counts = counts_of(started("steps", tmp_path))

    assert counts.kills > 200
    assert_harmless(counts)


@pytest.fixture(scope="module")
def saved_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Models that answer with their number, once from each kind of file they have."""
    folder = tmp_path_factory.mktemp("models")
    for number in range(3):
        module = tf.Module()
        module.number = tf.Variable(float(number))
        asset = folder / f"{number}.txt"
        asset.write_text(str(number))
        module.asset = tf.saved_model.Asset(str(asset))

        @tf.function(input_signature=[])
        def numbers(module=module, number=number):
            text = tf.io.read_file(module.asset.asset_path)
            return tf.stack([module.number, float(number), tf.strings.to_number(text)])

        tf.saved_model.save(module, str(folder / "saved" / str(number)), numbers)
    return folder / "saved"


def loaded(folder: Path, seen: set[float]) -> None:
    """Loads the largest version of a folder, as a server does."""
    names = [path.name for path in folder.iterdir()] if folder.exists() else []
    version = max(versions_among(names), default=None)
    if version is None:
        return
    try:
        model = tf.saved_model.load(str(folder / str(version)))
        (answer,) = model.signatures["serving_default"]().values()
    except (OSError, tf.errors.OpError):
        # It may be an old one by now that was removed.
        assert not (folder / str(version)).exists()
        return
    numbers = set(answer.numpy().tolist())
    assert len(numbers) == 1
    seen |= numbers


def test_tensorflow_loads_whole_models_while_others_are_killed(
    tmp_path: Path, saved_models: Path
) -> None:
    process = started("random", "30", tmp_path, saved_models)
    seen: set[float] = set()
    while process.poll() is None:
        for folder in (tmp_path / "published", tmp_path / "served"):
            loaded(folder, seen)

    assert_harmless(counts_of(process))
    assert seen == {0, 1, 2}


def published(folder: Path) -> Path:
    write_model(folder / "model", 1)
    publish_model(folder / "model", str(folder / "served"), Publishing(), Record())
    return folder / "served"


def test_reader_counts_what_is_whole(tmp_path: Path) -> None:
    counts = Counts()

    served = published(tmp_path)
    version = look(served, 0, counts, has_token=True)
    look(served, version + 1, counts, has_token=True)
    look(tmp_path / "absent", version, counts, has_token=True)

    assert counts == Counts(observed=2, versions=2, decreased=2)


def test_reader_excuses_what_is_removed_while_it_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = Counts()
    served = published(tmp_path)

    def remove_first(place: Path, *_: object) -> None:
        place.rename(tmp_path / "hidden")
        (place / "saved_model.pb").read_bytes()

    monkeypatch.setattr("benchmarks.serving.programs.kills.verify", remove_first)

    look(served, 0, counts, has_token=True)

    assert counts == Counts(gone=1)


def test_reader_finds_a_version_that_is_not_whole(tmp_path: Path) -> None:
    counts = Counts()
    served = published(tmp_path)
    (version,) = (path for path in served.iterdir() if path.name.isdigit())
    (version / "saved_model.pb").write_bytes(b"another")

    look(served, 0, counts, has_token=True)

    assert counts == Counts(broken=1)


def test_reader_finds_a_version_of_two_models(tmp_path: Path) -> None:
    counts = Counts()
    model = tmp_path / "model"
    write_model(model, 1)
    graph = (model / "saved_model.pb").read_bytes()
    write_model(model, 2)
    (model / "saved_model.pb").write_bytes(graph)
    publish_model(model, str(tmp_path / "served"), Publishing(), Record())
    shutil.rmtree(model)

    look(tmp_path / "served", 0, counts, has_token=True)

    assert counts == Counts(observed=1, versions=1, mixed=1)
