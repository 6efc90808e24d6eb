"""How the vocabulary of a table lives from span to span."""

from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from shardline.configs.section import Float, Fraction, PositiveInt, Section


class Living(Section):
    """Which tokens come in, and which go.

    A token that stays keeps its row for ever. It comes in once its count reaches the
    table's `min_count`. Rows of tokens that went are used again.
    """

    # So many tokens at most. None: the capacity grows in steps of `grow_by`.
    capacity: PositiveInt | None = None
    # By so many rows the capacity grows when it is full; with a `capacity`, that is the
    # first one.
    grow_by: PositiveInt | None = None
    # What is left of a token's count from one span to the next.
    decay: Annotated[Fraction, Field(gt=0)] = 1.0
    # A token goes when it has not been seen for so many spans,
    evict_after: PositiveInt | None = None
    # or when its count has fallen below this.
    evict_below: Annotated[Float, Field(gt=0)] | None = None
    # Who makes room for a more frequent token once the capacity is full: who was seen
    # the longest ago, who is the rarest, or nobody. Never one seen in this span.
    when_full: Literal["oldest", "rarest", "nobody"] = "oldest"
    # What the row of a new token starts from: the table's initializer, the row of
    # unknown tokens it was looked up in until now, or the mean of all tokens' rows.
    # Its slots start anew.
    admitted: Literal["initializer", "oov_row", "mean"] = "initializer"
    # Whether rows and slots of tokens that go are kept in a file beside the checkpoint.
    archive_evicted: bool = False

    @model_validator(mode="after")
    def _fits(self) -> "Living":
        if self.evict_below and self.decay == 1.0:
            raise PydanticCustomError(
                "never", "`evict_below` needs a `decay` below 1: counts only rise"
            )
        return self
