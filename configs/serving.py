"""The published model: how it is held, what it must pass, and how it is published."""

from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from shardline.configs.section import (
    Float,
    Fraction,
    Name,
    PositiveFloat,
    PositiveInt,
    Section,
)

Precision = Literal["float32", "float16", "int8"]
PrecisionChoice = Literal["float32", "float16", "int8", "auto"]


def _known_precisions(tables: Any) -> Any:
    """Refuses other words with one message, where a union would give one a member."""
    words = tables.values() if isinstance(tables, dict) else [tables]
    for word in words:
        if word not in get_args(PrecisionChoice):
            raise PydanticCustomError(
                "precisions",
                "must be `float32`, `float16`, `int8` or `auto`, for all tables or by "
                "table",
            )
    return tables


class Latency(Section):
    """How long a request may take, measured in a fresh process."""

    milliseconds: PositiveFloat
    percentile: Annotated[Float, Field(gt=0, lt=100)] = 99.0
    # How many examples the request has.
    examples: PositiveInt = 1


class Serving(Section):
    """How the exported model holds its tables, and what it must pass."""

    # How many evaluation examples the served model must answer as the engine did.
    parity_examples: PositiveInt = 1000
    # How far two scores may differ. Looked-up rows of float32 tables must be equal.
    max_difference: Annotated[Float, Field(ge=0)] = 1e-6
    # How many requests are in the warm-up file.
    warmup_requests: Annotated[int, Field(ge=1, le=1000)] = 10
    # How tables are held: all in one way, or each by its name. `auto` is the smallest
    # precision that `max_entropy_increase` allows.
    tables: Annotated[
        PrecisionChoice | dict[Name, PrecisionChoice],
        BeforeValidator(_known_precisions),
    ] = "float32"
    # How much normalized entropy on the evaluation split may grow, as a fraction of
    # that with float32 tables.
    max_entropy_increase: Annotated[Float, Field(ge=0)] = 0.0005
    # Two gates: the size of the model's files, and the time of a request.
    max_bytes: PositiveInt | None = None
    max_latency: Latency | None = None

    def precision_of(self, table: str) -> PrecisionChoice:
        """Returns how a table is to be held; float32 if nothing is said of it."""
        if isinstance(self.tables, str):
            return self.tables
        return self.tables.get(table, "float32")


class Publishing(Section):
    """What is written to the folder that model servers, or their agents, read."""

    # `delta` writes changed rows only, for `shardline agent`.
    mode: Literal["full", "delta"] = "full"
    # In mode `delta`, one of so many versions at least is a full one.
    full_every: PositiveInt = 10
    # A delta that is larger than this fraction of the full version is not written.
    max_delta: Fraction = 0.5
    # How many versions are kept, with the one that is served; None: all of them.
    keep: PositiveInt | None = None
