"""When checkpoint sets fall due, and what a training section may not say of them."""

from pathlib import Path

import pytest

from shardline.configs import ConfigError, load_run
from shardline.configs.schema import Checkpoint, Keep

CONFIG = """\
name: tiny
data: {reader: a.B, path: p}
features: {user: {table: user}}
tables: {user: {dim: 4}}
evaluation: {min_auc: 0.5}
training:
  batch_size: 8
  epochs: 1
"""
# What is added to the training section, and the line and the message of the fault.
FAULTS = {
    "unknown_key": (
        "  checkpoint: {every_step: 5}\n",
        "9: unknown key `every_step`; did you mean `every_steps`?",
    ),
    "unknown_key_of_keep": (
        "  checkpoint:\n    keep:\n      lst: 5\n",
        "11: unknown key `lst`; did you mean `last`?",
    ),
    "zero_steps": (
        "  checkpoint:\n    every_steps: 0\n",
        "10: `training.checkpoint.every_steps`: Input should be greater than 0, got 0.",
    ),
    "zero_seconds": (
        "  checkpoint:\n    every_steps: 5\n    every_seconds: 0\n",
        "11: `training.checkpoint.every_seconds`: Input should be greater than 0, got "
        "0.",
    ),
    "endless_seconds": (
        "  checkpoint: {every_seconds: .inf}\n",
        "9: `training.checkpoint.every_seconds`: Input should be a finite number, got "
        "inf.",
    ),
    "yes_for_steps": (
        "  checkpoint: {every_steps: yes}\n",
        "9: `training.checkpoint.every_steps`: Input should be a number, got true.",
    ),
    "yes_for_seconds": (
        "  checkpoint: {every_seconds: true}\n",
        "9: `training.checkpoint.every_seconds`: Input should be a number, got true.",
    ),
    "yes_for_seed": (
        "  seed: no\n",
        "9: `training.seed`: Input should be a number, got false.",
    ),
    "number_for_keep": (
        "  checkpoint:\n    keep: 3\n",
        "10: `training.checkpoint.keep`: Input should be a section with keys of its "
        "own (every_steps, last), got 3.",
    ),
    "empty_checkpoint": (
        "  checkpoint:\n",
        "9: `training.checkpoint`: Input should be a section with keys of its own "
        "(differential, every_seconds, every_steps, folder, keep), got nothing.",
    ),
    "no_set_kept": (
        "  checkpoint:\n    keep:\n      last: 0\n",
        "11: `training.checkpoint.keep.last`: Input should be greater than 0, got 0.",
    ),
    "folder_of_a_store": (
        "  checkpoint: {folder: gs://bucket/sets}\n",
        "9: `training.checkpoint.folder`: sets need a folder of this machine, such as "
        "a mounted volume, got 'gs://bucket/sets'.",
    ),
}


@pytest.mark.parametrize(("added", "message"), FAULTS.values(), ids=list(FAULTS))
def test_fault_is_told_with_its_line(tmp_path: Path, added: str, message: str) -> None:
    path = tmp_path / "run.yaml"
    path.write_text(CONFIG + added)

    with pytest.raises(ConfigError) as caught:
        load_run(path)

    assert str(caught.value) == f"{path}:{message}"


def test_all_that_can_be_said_of_sets_is_read(tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text(
        CONFIG + "  checkpoint: {every_steps: 100, every_seconds: 60.5, "
        "keep: {last: 3, every_steps: 1000}, differential: false, folder: /mnt/sets}\n"
    )

    assert load_run(path).training.checkpoint == Checkpoint(
        every_steps=100,
        every_seconds=60.5,
        keep=Keep(last=3, every_steps=1000),
        differential=False,
        folder="/mnt/sets",
    )


@pytest.mark.parametrize(
    ("settings", "seconds"),
    [
        (Checkpoint(), 300),
        (Checkpoint(every_steps=5), None),
        (Checkpoint(every_seconds=7), 7),
        (Checkpoint(every_steps=5, every_seconds=7), 7),
    ],
    ids=str,
)
def test_sets_fall_due_by_time_unless_only_steps_are_given(
    settings: Checkpoint, seconds: float | None
) -> None:
    assert settings.seconds == seconds
