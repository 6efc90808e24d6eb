"""The verdict on a model: `validation.json` in the artifact ServingValidation.

TFX is imported where a verdict is written or read: it takes seconds, and who checks a
model only needs it not.
"""

import os

from pydantic import BaseModel, ConfigDict, computed_field

from shardline.components.contracts.parity_results import ScoreParity, TableParity

_FILE = "validation.json"


class Gate(BaseModel):
    """One thing that a model must pass.

    Attributes:
        gate: its name.
        passes: whether the model does.
        value: what was measured, if that is one number.
        limit: what it may be at most; None if nothing is asked for.
        why: what came, and if it is too much, what was expected and the remedy.
    """

    model_config = ConfigDict(frozen=True, ser_json_inf_nan="strings")

    gate: str
    passes: bool
    value: float | None = None
    limit: float | None = None
    why: str


class Latency(BaseModel):
    """How long requests took, in milliseconds, one after another."""

    model_config = ConfigDict(frozen=True)

    p50: float
    p90: float
    p99: float


class Validation(BaseModel):
    """What was found of a model.

    Attributes:
        gates: the verdicts.
        parity: how each table answers; empty if the model could not be asked.
        scores: how the model scores; None if it could not be asked.
        bytes: the bytes of the model's files.
        load_seconds: how long it took to load.
        latency_ms: by examples in a request.
    """

    model_config = ConfigDict(frozen=True)

    gates: list[Gate]
    parity: dict[str, TableParity] = {}
    scores: ScoreParity | None = None
    bytes: int = 0
    load_seconds: float | None = None
    latency_ms: dict[int, Latency] = {}

    @computed_field  # type: ignore[prop-decorator]
    @property
    def blessed(self) -> bool:
        """True if every gate passes."""
        return not self.closed

    @property
    def closed(self) -> list[Gate]:
        """The gates that do not pass."""
        return [gate for gate in self.gates if not gate.passes]

    def save(self, folder: str) -> None:
        """Writes the verdict into the artifact's folder, local or not."""
        from tfx.dsl.io import fileio

        fileio.makedirs(folder)
        with fileio.open(os.path.join(folder, _FILE), "w") as file:
            file.write(self.model_dump_json(indent=1))


def load_validation(folder: str) -> Validation:
    """Reads the verdict in an artifact's folder, local or not.

    Raises:
        FileNotFoundError: if there is none.
    """
    from tfx.dsl.io import fileio

    path = os.path.join(folder, _FILE)
    if not fileio.exists(path):
        raise FileNotFoundError(2, "no verdict; run ServingValidator", path)
    with fileio.open(path, "r") as file:
        return Validation.model_validate_json(file.read())
