"""How long training goes on, where it runs, and how it is kept from being lost."""

from typing import Annotated

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from shardline.configs.cluster import ClusterTasks
from shardline.configs.locations import is_remote
from shardline.configs.section import Integer, PositiveFloat, PositiveInt, Section

_Seconds = Annotated[PositiveFloat, Field(allow_inf_nan=False)]
_DEFAULT_SECONDS = 300.0


class EarlyStop(Section):
    """Stop when the held-out part of the training examples no longer improves."""

    # The split to watch. The evaluation split would get metrics that are too good.
    split: str = "validation"
    every_steps: PositiveInt
    patience: PositiveInt = 1


class Keep(Section):
    """Which checkpoint sets stay."""

    # The newest ones; what they are based on stays with them.
    last: PositiveInt = 2
    # Besides, one of each so many steps, for ever.
    every_steps: PositiveInt | None = None


class Checkpoint(Section):
    """When a training writes checkpoint sets, from which a killed one goes on.

    Nothing here changes what is learnt, so none of it is in a cache key.
    """

    # A set falls due at multiples of so many steps, or when so many seconds have passed
    # since the last one, whichever comes first. Default: every 300 seconds.
    every_steps: PositiveInt | None = None
    every_seconds: _Seconds | None = None
    keep: Keep = Keep()
    # Whether a set may hold only the rows that changed since the one before.
    differential: bool = True
    # Where sets are written; None: beside the outputs of the Trainer.
    folder: str | None = Field(default=None, min_length=1)

    @field_validator("folder")
    @classmethod
    def _is_mounted(cls, folder: str | None) -> str | None:
        if folder and is_remote(folder):
            raise PydanticCustomError(
                "not_mounted",
                "sets need a folder of this machine, such as a mounted volume",
            )
        return folder

    @property
    def seconds(self) -> float | None:
        """After how many seconds a set falls due; None: only steps count."""
        if self.every_steps is None and self.every_seconds is None:
            return _DEFAULT_SECONDS
        return self.every_seconds


class Conduct(Section):
    """How a training is carried out: when it is saved, and where it runs.

    On hosts and clusters all learn the same, bit for bit. A TPU rounds sums otherwise,
    and drops other units: that a training runs on one is in a cache key, and what ended
    on hosts is no result of a TPU.
    """

    checkpoint: Checkpoint = Checkpoint()
    # A cluster whose workers hold the rows; this process is its chief.
    cluster: ClusterTasks | None = None
    # A TPU that holds the rows: `local`, that of this machine, or its name.
    tpu: str | None = Field(default=None, min_length=1)

    @property
    def is_elsewhere(self) -> bool:
        """Whether rows lie outside of the process that trains."""
        return self.cluster is not None or self.tpu is not None


class Training(Conduct):
    """How long, and at which learning rate, the trainer trains the dense model."""

    batch_size: PositiveInt
    # Exactly one of the two.
    epochs: PositiveInt | None = None
    steps: PositiveInt | None = None
    # How many steps one call into TensorFlow takes; progress is shown between calls.
    steps_per_call: PositiveInt = 20
    # The learning rate of the dense model's Adam. Each table has an optimizer itself.
    learning_rate: PositiveFloat = 0.001
    # How many logical hosts the rows of every table are split over; not with `cluster`
    # or `tpu`.
    hosts: PositiveInt = 1
    seed: Integer = 0
    early_stop: EarlyStop | None = None
    # Whether a run in spans goes on from the model of the spans before; else each run
    # begins anew on its window.
    warm_start: bool = True

    @model_validator(mode="after")
    def _one_length(self) -> "Training":
        if (self.epochs is None) == (self.steps is None):
            raise PydanticCustomError(
                "one_length", "give exactly one of `epochs` and `steps`"
            )
        return self

    @model_validator(mode="after")
    def _one_place(self) -> "Training":
        given = [
            f"`{key}`"
            for key in ("hosts", "cluster", "tpu")
            if key in self.model_fields_set and getattr(self, key) is not None
        ]
        if len(given) > 1:
            raise PydanticCustomError(
                "one_place",
                "give at most one of `hosts`, `cluster` and `tpu`; {given} are there",
                {"given": " and ".join(given)},
            )
        return self

    @property
    def conduct(self) -> Conduct:
        """How it is carried out, without what it learns."""
        return Conduct(**{key: getattr(self, key) for key in Conduct.model_fields})
