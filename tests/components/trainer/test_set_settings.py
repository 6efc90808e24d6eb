"""How a training is saved reaches the Trainer past the key of the cache."""

from pathlib import Path

import pytest

from shardline.components.trainer.set_settings import (
    read_set_settings,
    write_set_settings,
)
from shardline.configs.schema import Checkpoint, Keep

SETTINGS = Checkpoint(every_steps=7, keep=Keep(last=5), differential=False)


def uri(root: Path) -> str:
    """Returns an output as TFX names it."""
    return str(root / "Trainer" / "checkpoint" / "12")


def test_settings_beside_the_outputs_are_read(tmp_path: Path) -> None:
    write_set_settings(tmp_path, Checkpoint(every_steps=1))
    write_set_settings(tmp_path, SETTINGS)

    assert read_set_settings("", uri(tmp_path)) == SETTINGS


def test_parameter_goes_before_what_lies_there(tmp_path: Path) -> None:
    write_set_settings(tmp_path, Checkpoint(every_steps=1))

    read = read_set_settings(SETTINGS.model_dump_json(), uri(tmp_path))

    assert read == SETTINGS


@pytest.mark.parametrize("where", ["store://bucket/Trainer/checkpoint/12", None])
def test_without_either_the_defaults_hold(tmp_path: Path, where: str | None) -> None:
    assert read_set_settings("", where or uri(tmp_path)) == Checkpoint()
