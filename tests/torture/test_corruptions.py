"""Damage of every kind to every file is found, named, and kept out of a restore."""

import collections
import random
from pathlib import Path
from typing import Any

import pytest
from shardline_tests import load

from shardline.embedding.checkpoint.sets.folder import SetFolder
from shardline.embedding.checkpoint.sets.manifest import ManifestError
from shardline.embedding.checkpoint.sets.reader import SetDamagedError
from shardline.embedding.checkpoint.sets.restore import restore_set
from shardline.embedding.checkpoint.sets.saver import SetSaver
from shardline.embedding.checkpoint.sets.verify import verify_set

corruptions = load("torture/corruptions.py")
scale = load("torture/scale.py")
set_checks = load("torture/set_checks.py")
small_training = load("torture/small_training.py")

SEED = 15
SAVE_EVERY = 3

pytestmark = pytest.mark.slow


class Scene:
    """Two chains of sets, a full set and differential ones each."""

    def __init__(self, folder: Path):
        self.sets, self.twins = folder / "sets", folder / "twins"
        self.training = small_training.SmallTraining()
        self.digests = written(self.sets, self.training)
        written(self.twins, small_training.SmallTraining(noise_seed=8))
        folder = SetFolder(self.sets)
        self.chains = {
            last.name: {one.name for one in folder.chain(last)}
            for last in folder.sets()
        }

    def restorable(self, damaged: set[str]) -> list[str]:
        """The names of the sets that need none of the damaged ones, by step."""
        return [name for name, chain in self.chains.items() if not chain & damaged]


def written(folder: Path, training: Any) -> dict[int, str]:
    """Writes a full set, two differential ones, and a full and a differential one."""
    digests, parent = {}, None
    for differential, count in ((True, 3), (False, 1), (True, 1)):
        with SetSaver(
            folder,
            training.engine,
            lineage=training.lineage,
            differential=differential,
            parent=parent,
        ) as saver:
            for _ in range(count):
                training.train(SAVE_EVERY)
                digests[training.step] = training.digest()
                arguments = training.step, training.variables, training.state
                assert saver.save(*arguments, pinned=True)
                saver.wait()
            parent = saver.newest
    return digests


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return Scene(tmp_path_factory.mktemp("corruptions"))


def verified(folder: SetFolder) -> list[str]:
    """Every fault that there is in a folder, with the path of the file."""
    faults = []
    for found in folder.found():
        if found.condition != "complete" or found.complete is None:
            faults.append(f"{found.path / 'manifest.json'}: {found.fault}")
            continue
        faults += verify_set(found.complete)
        try:
            folder.chain(found.complete)
        except (ManifestError, FileNotFoundError) as error:
            faults.append(str(error))
    return faults


@pytest.mark.timeout(7200)
def test_every_corruption_is_found_and_named(scene: Scene, tmp_path: Path) -> None:
    chance = random.Random(SEED)
    counts: collections.Counter[str] = collections.Counter()
    missed = []
    for kind, file in corruptions.corruptions(
        scene.sets, scale.of(1600, least=48), SEED
    ):
        folder = SetFolder(tmp_path / "sets")
        corruptions.copied(scene.sets, folder.path)
        done = corruptions.corrupt(folder.path, scene.twins, kind, file, chance)
        counts[kind] += 1
        for fault in faults_of_finding(scene, folder, done, chance):
            missed.append(f"{done}: {fault}")

    scale.tell("corruptions", {"corruptions": counts.total(), **counts})
    if missed:
        pytest.fail("\n".join(missed))


def faults_of_finding(
    scene: Scene, folder: SetFolder, done: Any, chance: random.Random
) -> list[str]:
    """What verifying and restoring did not say, and what they wrongly said."""
    faults = verified(folder)
    missed = [f"verify does not name {one}" for one in unnamed(done, faults)]
    missed += [
        f"verify blames {fault}"
        for fault in faults
        if not any(name in fault for name in done.sets)
    ]
    restorable = scene.restorable(done.sets)
    names = [name for name in scene.chains if name not in restorable]
    for name in [*names, *chance.sample(restorable, min(len(restorable), 1))]:
        error = refused(scene, folder, name)
        if (error == "") != (name in restorable):
            missed.append(f"restore of {name}: {error or 'no error'}")
        if error and not any(one in error for one in done.sets):
            missed.append(f"restore of {name} blames {error}")
    return missed + faults_of_newest(scene, folder, restorable)


def unnamed(done: Any, faults: list[str]) -> list[str]:
    """The changed files that no fault names."""
    # Without its manifest, or with another, nothing is known of a set's other files.
    unknown = {path.parent for path in done.changed if path.name == "manifest.json"}
    paths = [
        str(path.parent if path.parent in unknown else path) for path in done.changed
    ]
    return [path for path in paths if not any(path in fault for fault in faults)]


def refused(scene: Scene, folder: SetFolder, name: str) -> str:
    """What a restore of a set by its name says, "" if it succeeds."""
    training = scene.training
    arguments = training.engine, training.variables, training.lineage
    try:
        restore_set(folder, folder.named(name), *arguments)
    except (SetDamagedError, ManifestError, FileNotFoundError) as error:
        return str(error)
    assert training.digest() == scene.digests[training.step]
    return ""


def faults_of_newest(
    scene: Scene, folder: SetFolder, restorable: list[str]
) -> list[str]:
    """What is wrong with the restore of the newest set that is whole."""
    restored, told = set_checks.restore(folder, scene.training, scene.digests)
    newest = restored.checkpoint_set.name if restored else None
    if newest != (restorable[-1] if restorable else None):
        return [f"{newest} was restored, of {restorable}; told: {told}"]
    return [fault for fault in told if fault.startswith(f"{newest} ")]


@pytest.mark.parametrize("damaged", ["step-000000000015-differential", "all but one"])
def test_training_goes_on_from_the_set_before_those_damaged(
    damaged: str, scene: Scene, tmp_path: Path
) -> None:
    folder = SetFolder(tmp_path / "sets")
    corruptions.copied(scene.sets, folder.path)
    names = [one.name for one in folder.sets()]
    chance = random.Random(SEED)
    for name in names[1:] if damaged == "all but one" else [damaged]:
        file = Path(name) / "tables.data-00000-of-00002"
        corruptions.corrupt(folder.path, scene.twins, "one bit", file, chance)
    training = scene.training
    restored, told = set_checks.restore(folder, training, scene.digests)
    later = [one for one in names if one > restored.checkpoint_set.name]
    assert [text.partition(" ")[0] for text in told] == later[::-1]

    with SetSaver(
        folder.path,
        training.engine,
        lineage=training.lineage,
        parent=restored.checkpoint_set,
    ) as saver:
        while training.step < 18:
            training.train(SAVE_EVERY)
            scene.digests[training.step] = training.digest()
            assert saver.save(training.step, training.variables, training.state)
            saver.wait()

    assert folder.sets()[-1].step == 18
    for one in folder.sets():
        assert set_checks.set_faults(folder, one, training, scene.digests) == []
