"""What a step needs: amounts, kinds of chips, and what a default leaves open."""

from typing import Any

import pytest
from kfp.compiler import compiler_utils
from pydantic import ValidationError

from shardline.configs.resources import Accelerator, Resources, Tpu, gigabytes

pytestmark = pytest.mark.orchestration


@pytest.mark.parametrize("memory", ["512M", "16G", "2T", "512Mi", "16Gi", "1Ti"])
def test_memory_is_what_kubeflow_takes_it_for(memory: str) -> None:
    assert Resources(memory=memory).memory == memory
    assert gigabytes(memory) == pytest.approx(compiler_utils._memory_to_float(memory))


@pytest.mark.parametrize("memory", [16, "16", "16GB", "16g", "1.5G", "0G", "-1G", "G"])
def test_other_memory_is_refused(memory: Any) -> None:
    with pytest.raises(ValidationError, match="such as 512M, 16G or 16Gi"):
        Resources(memory=memory)


def test_text_that_is_no_memory_has_no_gigabytes() -> None:
    with pytest.raises(ValueError, match="'16GB' is no amount of memory"):
        gigabytes("16GB")


@pytest.mark.parametrize(
    ("kind", "topology", "chips"),
    [("tpu-v6e-slice", "2x4", 8), ("tpu-v4-podslice", "2x2x1", 4)],
)
def test_topology_tells_the_chips(kind: Any, topology: str, chips: int) -> None:
    assert Tpu(type=kind, topology=topology).chips == chips


def test_topology_of_several_machines_is_refused() -> None:
    with pytest.raises(
        ValidationError, match="16 chips, and a machine of tpu-v6e-slic"
    ):
        Tpu(type="tpu-v6e-slice", topology="4x4")


@pytest.mark.parametrize("topology", ["2", "0x4", "2x", "2*4", "2x2x2x2"])
def test_odd_topology_is_refused(topology: str) -> None:
    with pytest.raises(ValidationError, match="topology"):
        Tpu(type="tpu-v6e-slice", topology=topology)


def test_two_kinds_of_chips_are_refused() -> None:
    with pytest.raises(ValidationError, match="at most one of `accelerator` and `tpu`"):
        Resources(
            accelerator=Accelerator(type="nvidia-l4"),
            tpu=Tpu(type="tpu-v6e-slice", topology="1x1"),
        )


def test_default_fills_what_a_step_leaves_open() -> None:
    default = Resources(cpu=2, memory="8G", accelerator=Accelerator(type="nvidia-l4"))

    assert Resources(cpu=4).over(default) == Resources(
        cpu=4, memory="8G", accelerator=Accelerator(type="nvidia-l4")
    )


def test_chips_of_a_step_replace_those_of_the_default() -> None:
    tpu = Tpu(type="tpu-v6e-slice", topology="1x1")
    default = Resources(memory="8G", accelerator=Accelerator(type="nvidia-l4"))

    assert Resources(tpu=tpu).over(default) == Resources(memory="8G", tpu=tpu)
