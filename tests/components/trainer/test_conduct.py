"""How a training is carried out reaches the Trainer past the key of the cache."""

from pathlib import Path

import pytest

from shardline.components.trainer.conduct import with_conduct, write_conduct
from shardline.configs.schema import Checkpoint, ClusterTasks, Conduct, Keep, Training

SAVED = Checkpoint(every_steps=7, keep=Keep(last=5), differential=False)
CLUSTER = ClusterTasks(chief="one:1", workers=["two:2", "three:3"])
KEYED = Training(batch_size=2, steps=1, hosts=2)


def training(**conduct: object) -> Training:
    return Training(batch_size=2, steps=1, **conduct)


def uri(root: Path) -> str:
    """Returns an output as TFX names it."""
    return str(root / "Trainer" / "checkpoint" / "12")


@pytest.mark.parametrize(
    "conduct",
    [{"cluster": CLUSTER}, {"cluster": "TF_CONFIG"}, {"tpu": "local"}, {}],
    ids=str,
)
def test_what_lies_beside_the_outputs_is_read(
    tmp_path: Path, conduct: dict[str, object]
) -> None:
    write_conduct(tmp_path, training(checkpoint=Checkpoint(every_steps=1)))
    given = training(checkpoint=SAVED, **conduct)
    write_conduct(tmp_path, given)

    read = with_conduct(KEYED, "", uri(tmp_path))

    assert read.conduct == given.conduct
    assert read.hosts == KEYED.hosts


def test_parameter_goes_before_what_lies_there(tmp_path: Path) -> None:
    write_conduct(tmp_path, training(checkpoint=Checkpoint(every_steps=1)))
    given = Conduct(checkpoint=SAVED, cluster="TF_CONFIG")

    read = with_conduct(KEYED, given.as_parameter(), uri(tmp_path))

    assert read.conduct == given


@pytest.mark.parametrize("where", ["store://bucket/Trainer/checkpoint/12", None])
def test_without_either_the_defaults_hold(tmp_path: Path, where: str | None) -> None:
    assert with_conduct(KEYED, "", where or uri(tmp_path)) == KEYED
