"""The tasks of a TensorFlow cluster that a training runs on.

Nothing here opens a connection or asks the environment.
"""

from collections import Counter
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)
from pydantic_core import PydanticCustomError

from shardline.configs.section import Section

TF_CONFIG = "TF_CONFIG"
_HIGHEST_PORT = 65535


def _address(text: str) -> str:
    """Refuses what `embedding.cluster.liveness.split_address` does, by the same rule.

    A twin: the engine needs no pydantic, and configurations need no engine.
    """
    name, _, port = text.rpartition(":")
    is_port = port.isdecimal() and 1 <= int(port) <= _HIGHEST_PORT
    if not name or not is_port:
        raise PydanticCustomError(
            "no_address",
            "an address is written name:port, port from 1 to 65535, in quotes",
        )
    return text


Address = Annotated[str, AfterValidator(_address)]


class ClusterTasks(Section):
    """The tasks of a TensorFlow cluster; none is named if TF_CONFIG says them.

    Attributes:
        chief: the address of the task that trains, this process.
        workers: those of the tasks that hold the rows, host 0 first.
    """

    chief: Address | None = None
    workers: tuple[Address, ...] = ()

    @property
    def is_of_environment(self) -> bool:
        """Whether the variable TF_CONFIG of the process says who the tasks are."""
        return self.chief is None

    @model_validator(mode="before")
    @classmethod
    def _text(cls, value: Any) -> Any:
        if value == TF_CONFIG:
            return {"chief": None}
        if isinstance(value, str) or value == {}:
            raise PydanticCustomError(
                "no_cluster",
                "a cluster is `TF_CONFIG`, or the addresses of `chief` and `workers`",
            )
        return value

    @model_validator(mode="after")
    def _whole(self) -> "ClusterTasks":
        if (self.chief is None) != (not self.workers):
            raise PydanticCustomError(
                "half_a_cluster",
                "a cluster has a `chief`, and `workers`, of which there is at least "
                "one",
            )
        tasks = Counter((self.chief, *self.workers))
        if twice := sorted(str(address) for address, n in tasks.items() if n > 1):
            raise PydanticCustomError(
                "address_twice",
                "each task has an address of its own, and {twice} is given twice",
                {"twice": ", ".join(twice)},
            )
        return self

    @model_serializer(mode="wrap")
    def _as_written(self, serialized: SerializerFunctionWrapHandler) -> Any:
        return TF_CONFIG if self.is_of_environment else serialized(self)
