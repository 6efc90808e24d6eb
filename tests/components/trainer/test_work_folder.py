"""A training finds its own sets again, and those of no other."""

import logging
from pathlib import Path
from typing import Any

import pytest

from shardline.components.trainer.work_folder import (
    WorkFolder,
    configuration_digest,
    fingerprint,
    vocabularies_digest,
    work_folder,
)
from shardline.configs.schema import (
    Checkpoint,
    EarlyStop,
    Feature,
    FeatureSet,
    Keep,
    Model,
    Table,
    Target,
    Training,
)
from shardline.embedding.checkpoint.sets.lock import FolderLock

FEATURES = FeatureSet(
    features={"user": Feature(table="user")}, tables={"user": Table(dim=4)}
)
TRAINING = Training(batch_size=8, epochs=2)


def digest(**changed: Any) -> str:
    parts = {
        "feature_set": FEATURES,
        "model": Model(),
        "target": Target(),
        "training": TRAINING,
    }
    return configuration_digest(**{**parts, **changed})


def trained(**settings: Any) -> str:
    return digest(training=TRAINING.model_copy(update=settings))


@pytest.mark.parametrize(
    "settings",
    [
        {"checkpoint": Checkpoint(every_steps=3, keep=Keep(last=7))},
        {"hosts": 5},
        {"steps_per_call": 1},
        {"tpu": "local"},
    ],
    ids=str,
)
def test_how_to_train_and_save_is_not_what_is_learnt(settings: dict[str, Any]) -> None:
    assert trained(**settings) == digest()


def test_names_of_inputs_are_not_what_is_learnt() -> None:
    named = FEATURES.model_copy(update={"inputs": {"user": "who"}})
    assert digest(feature_set=named) == digest()


def test_every_setting_that_decides_what_is_learnt_counts() -> None:
    digests = [
        digest(),
        trained(batch_size=9),
        trained(epochs=3),
        trained(epochs=None, steps=2),
        trained(learning_rate=0.1),
        trained(seed=1),
        trained(early_stop=EarlyStop(every_steps=5)),
        trained(warm_start=False),
        digest(model=Model(options={"dropout": 0.1})),
        digest(target=Target(label="bought")),
        digest(feature_set=FEATURES.model_copy(update={"tables": {}})),
    ]

    assert len(set(digests)) == len(digests)
    # A setting that is new here has to be put on one of the two sides.
    assert set(Training.model_fields) == {
        "batch_size",
        "epochs",
        "steps",
        "steps_per_call",
        "learning_rate",
        "hosts",
        "seed",
        "early_stop",
        "warm_start",
        "checkpoint",
        "cluster",
        "tpu",
    }


@pytest.fixture
def examples(tmp_path: Path) -> Path:
    """A folder with a file of examples."""
    folder = tmp_path / "examples" / "3"
    (folder / "Split-train").mkdir(parents=True)
    (folder / "Split-train" / "a.gz").write_bytes(b"123")
    return folder


def test_fingerprint_changes_with_inputs_settings_and_code(examples: Path) -> None:
    def made(configuration: str = "c", code: str = "1") -> str:
        return fingerprint(configuration, [str(examples)], code)

    first = made()
    assert made() == first
    assert len(first) == 16
    prints = [first, made(configuration="d"), made(code="2")]
    (examples / "Split-train" / "a.gz").write_bytes(b"1234")
    prints.append(made())
    (examples / "Split-train" / "b.gz").touch()
    prints.append(made())
    prints.append(fingerprint("c", [str(examples.rename(examples.parent / "4"))], "1"))
    assert len(set(prints)) == len(prints)


def test_vocabularies_are_those_of_the_transform_graph(transformed: Any) -> None:
    folder = Path(str(transformed.folder))
    before = vocabularies_digest(str(folder))
    (file, *_) = sorted(folder.rglob("assets/*"))
    content = file.read_bytes()
    try:
        file.write_bytes(content[::-1])
        assert vocabularies_digest(str(folder)) != before
    finally:
        file.write_bytes(content)
    assert vocabularies_digest(str(folder)) == before


def test_finished_trainings_go_once_another_has_finished(tmp_path: Path) -> None:
    old, dead, mine = (WorkFolder(tmp_path / name) for name in ("old", "dead", "mine"))
    (tmp_path / "settings.json").touch()
    old.finish({"steps": 3})

    mine.finish({"steps": 4})

    assert not old.path.exists()
    # One that was killed may go on one day.
    assert dead.path.exists()
    assert mine.path.exists()
    mine.finish({"steps": 4})
    assert mine.path.exists()
    assert (tmp_path / "settings.json").exists()


def test_training_that_is_opened_again_is_not_finished_until_it_is(
    tmp_path: Path,
) -> None:
    again = WorkFolder(tmp_path / "again")
    again.finish({})
    WorkFolder(tmp_path / "again")

    WorkFolder(tmp_path / "other").finish({})

    assert again.path.exists()


@pytest.mark.parametrize("has_ended", [True, False])
@pytest.mark.parametrize("then", ["hosts", "tpu"])
def test_sets_of_hosts_are_a_tpus_only_if_their_training_has_not_ended(
    tmp_path: Path, has_ended: bool, then: Any
) -> None:
    before = WorkFolder(tmp_path / "one", "hosts")
    (before.path / "set").touch()
    if has_ended:
        before.finish({"steps": 8})

    after = WorkFolder(tmp_path / "one", then)

    assert (after.path / "set").exists() == (then == "hosts" or not has_ended)
    assert after.path.is_dir()


def test_finished_training_that_is_in_use_stays(tmp_path: Path) -> None:
    old, mine = WorkFolder(tmp_path / "old"), WorkFolder(tmp_path / "mine")
    old.finish({})
    lock = FolderLock(old.path)

    mine.finish({})

    lock.release()
    assert old.path.exists()


def test_work_folder_is_beside_the_outputs_whatever_their_number(
    tmp_path: Path,
) -> None:
    paths = set()
    for number in ("7", "8"):
        uri = str(tmp_path / "Trainer" / "checkpoint" / number)
        with work_folder(uri, "name", None) as work:
            paths.add(work.path)

    assert paths == {tmp_path / "Trainer" / "sets" / "name"}
    assert (tmp_path / "Trainer" / "sets" / "name").is_dir()


@pytest.mark.parametrize("uri", ["store://bucket/Trainer/checkpoint/7", "/x/y/z/7"])
def test_folder_of_the_configuration_goes_before(tmp_path: Path, uri: str) -> None:
    with work_folder(uri, "name", str(tmp_path / "mounted")) as work:
        assert work.path == tmp_path / "mounted" / "name"


def test_training_for_a_store_says_that_its_sets_will_be_gone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING, logger="shardline.trainer")

    with work_folder("store://bucket/Trainer/checkpoint/7", "name", None) as work:
        assert work.path.is_dir()

    assert not work.path.exists()
    assert "give training.checkpoint.folder" in caplog.text
