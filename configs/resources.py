"""What a step of the pipeline needs of the machine that a platform gives it."""

import math
import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from shardline.configs.components import ComponentOrDefault
from shardline.configs.section import PositiveFloat, PositiveInt, Section

_MEMORY = re.compile(r"([1-9][0-9]*)(M|G|T|Mi|Gi|Ti)")
_BYTES = {"M": 1e6, "G": 1e9, "T": 1e12, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
# Of Google's Kubernetes Engine: how many chips of a type one machine has at most.
_CHIPS_OF_A_MACHINE = {
    "tpu-v4-podslice": 4,
    "tpu-v5-lite-device": 8,
    "tpu-v5-lite-podslice": 8,
    "tpu-v5p-slice": 4,
    "tpu-v6e-slice": 8,
}


def _memory(value: Any) -> Any:
    if not isinstance(value, str) or not _MEMORY.fullmatch(value):
        raise PydanticCustomError(
            "no_memory",
            "memory is a whole number above 0 and a unit, such as 512M, 16G or 16Gi",
        )
    return value


Memory = Annotated[str, BeforeValidator(_memory)]


def gigabytes(memory: str) -> float:
    """Returns an amount of memory in units of 10^9 bytes.

    Args:
        memory: a whole number and a unit, such as "16G" or "16Gi".

    Raises:
        ValueError: if it is something else.
    """
    parts = _MEMORY.fullmatch(memory)
    if parts is None:
        raise ValueError(f"{memory!r} is no amount of memory.")
    return int(parts[1]) * _BYTES[parts[2]] / 1e9


class Accelerator(Section):
    """The GPUs of a step.

    Attributes:
        type: a model, such as `nvidia-l4`; or, of Kubernetes, the name of a resource
            that any model answers, such as `nvidia.com/gpu`.
        count: how many.
    """

    type: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]*$")]
    count: PositiveInt = 1


class Tpu(Section):
    """The TPU of a step: the chips of one machine.

    Attributes:
        type: as Google's Kubernetes Engine labels its machines.
        topology: how the chips are joined, such as `2x4`.
    """

    type: Literal[
        "tpu-v4-podslice",
        "tpu-v5-lite-device",
        "tpu-v5-lite-podslice",
        "tpu-v5p-slice",
        "tpu-v6e-slice",
    ]
    topology: Annotated[str, Field(pattern=r"^[1-9][0-9]*(x[1-9][0-9]*){1,2}$")]

    @property
    def chips(self) -> int:
        """How many chips the topology has."""
        return math.prod(int(length) for length in self.topology.split("x"))

    @model_validator(mode="after")
    def _is_one_machine(self) -> "Tpu":
        most = _CHIPS_OF_A_MACHINE[self.type]
        if self.chips > most:
            raise PydanticCustomError(
                "several_machines",
                "a topology of {topology} has {chips} chips, and a machine of {type} "
                "at most {most}; a step runs on one machine",
                {
                    "topology": self.topology,
                    "chips": self.chips,
                    "type": self.type,
                    "most": most,
                },
            )
        return self


class Resources(Section):
    """What one step needs; what is not given is left to the platform.

    Attributes:
        cpu: cores.
        memory: such as `16G` or `16Gi`.
        accelerator: its GPUs.
        tpu: its TPU.
    """

    cpu: PositiveFloat | None = None
    memory: Memory | None = None
    accelerator: Accelerator | None = None
    tpu: Tpu | None = None

    @model_validator(mode="after")
    def _one_kind_of_chip(self) -> "Resources":
        if self.accelerator and self.tpu:
            raise PydanticCustomError(
                "two_kinds", "give at most one of `accelerator` and `tpu`"
            )
        return self

    def over(self, default: "Resources") -> "Resources":
        """Returns these, and of a default what they leave open.

        Args:
            default: what holds for all steps.
        """
        mine = {key: getattr(self, key) for key in self.model_fields_set}
        if self.accelerator or self.tpu:
            default = default.model_copy(update={"accelerator": None, "tpu": None})
        return default.model_copy(update=mine)


ResourcesOfSteps = dict[ComponentOrDefault, Resources]
