"""Where the checkpoint sets of a run lie: a folder of sets for each training."""

import dataclasses
from pathlib import Path

from shardline.configs import load_run
from shardline.pipeline.run_folder import RunFolder, run_folder_of

_SETS = Path("Trainer", "sets")


class NoTrainingError(ValueError):
    """A place that holds no checkpoint sets, or not those of the training named."""


@dataclasses.dataclass(frozen=True)
class TrainingFolder:
    """The checkpoint sets of one training.

    Attributes:
        fingerprint: that of the training's inputs and settings, which names the folder.
        folder: the folder of the sets.
    """

    fingerprint: str
    folder: Path


def trainings_of(where: str, output_dir: Path | None = None) -> list[TrainingFolder]:
    """Returns the trainings of a run that have checkpoint sets, the newest first.

    Args:
        where: the path of a configuration, a run folder, a folder of sets, or one with
            such folders.
        output_dir: the run folder, if a configuration's is not `runs/<name>`.

    Raises:
        ConfigError: if the configuration is faulty.
        NoTrainingError: if there are none.
    """
    path = Path(where)
    sets = RunFolder(path).artifacts / _SETS
    if not path.is_dir():
        run = load_run(path)
        path = run_folder_of(run.name, output_dir).root
        sets = Path(run.training.checkpoint.folder or RunFolder(path).artifacts / _SETS)
    elif _holds_sets(path):
        return [TrainingFolder(path.resolve().name, path)]
    folders = [
        folder
        for parent in (sets, path)
        for folder in parent.glob("*")
        if folder.is_dir() and _holds_sets(folder)
    ]
    if not folders:
        raise NoTrainingError(
            f"{path} holds no checkpoint sets. A run writes them while it trains, to "
            f"{sets}/<training>."
        )
    folders.sort(key=_changed, reverse=True)
    return [TrainingFolder(folder.name, folder) for folder in folders]


def training_of(
    where: str, fingerprint: str | None = None, output_dir: Path | None = None
) -> TrainingFolder:
    """Returns one training of a run: the newest, or the one that is named.

    Args:
        where: as `trainings_of` takes it.
        fingerprint: the training's fingerprint, or its beginning.
        output_dir: as `trainings_of` takes it.

    Raises:
        ConfigError: if the configuration is faulty.
        NoTrainingError: if there is none of this fingerprint, or more than one.
    """
    trainings = trainings_of(where, output_dir)
    if fingerprint is None:
        return trainings[0]
    found = [one for one in trainings if one.fingerprint.startswith(fingerprint)]
    if len(found) != 1:
        there = ", ".join(one.fingerprint for one in trainings)
        raise NoTrainingError(
            f"{len(found) or 'No'} trainings of {where} begin with '{fingerprint}'; "
            f"exactly one must. There are {there}."
        )
    return found[0]


def _holds_sets(folder: Path) -> bool:
    return any(folder.glob("step-*"))


def _changed(folder: Path) -> int:
    """Returns when a set was last put into a folder, or taken out of it."""
    return folder.stat().st_mtime_ns
