"""Embedding tables: how many rows they have, and how they learn."""

from typing import Literal

from pydantic import FiniteFloat, model_validator
from pydantic_core import PydanticCustomError

from shardline.configs.living import Living
from shardline.configs.section import Fraction, PositiveFloat, PositiveInt, Section


class SGD(Section):
    """Stochastic gradient descent."""

    learning_rate: PositiveFloat = 0.01


class Adagrad(Section):
    """Adagrad as the TPU computes it: no epsilon."""

    learning_rate: PositiveFloat = 0.05
    initial_accumulator_value: PositiveFloat = 0.1


class Adam(Section):
    """Lazy Adam as the TPU computes it: for the rows of a batch, no bias correction."""

    learning_rate: PositiveFloat = 0.001
    beta_1: Fraction = 0.9
    beta_2: Fraction = 0.999
    epsilon: PositiveFloat = 1e-7


class Optimizer(Section):
    """Exactly one optimizer, by its name."""

    sgd: SGD | None = None
    adagrad: Adagrad | None = None
    adam: Adam | None = None

    @model_validator(mode="after")
    def _one_optimizer(self) -> "Optimizer":
        if [self.sgd, self.adagrad, self.adam].count(None) != 2:
            raise PydanticCustomError(
                "one_optimizer", "give exactly one of `sgd`, `adagrad` and `adam`"
            )
        return self

    @property
    def chosen(self) -> SGD | Adagrad | Adam:
        """The optimizer that the configuration names."""
        return self.sgd or self.adagrad or self.adam  # type: ignore[return-value]


class Vocabulary(Section):
    """How many rows a table has, and which tokens its vocabulary takes.

    The last three keys are for tables whose tokens become ids by a vocabulary.
    """

    # How many rows the table has, if it shall have more than its ids need.
    rows: PositiveInt | None = None
    # How many rows tokens outside the vocabulary, or ids out of range, share by hash.
    oov_rows: PositiveInt = 1
    # Tokens that are rarer in the training examples stay outside the vocabulary.
    min_count: PositiveInt = 1
    # At most so many tokens, the most frequent ones, are in the vocabulary.
    max_tokens: PositiveInt | None = None
    # How the vocabulary lives where data comes in spans (`data.spans`); it takes the
    # place of `rows` and `max_tokens`. Default there: it grows and nobody goes.
    living: Living | None = None


class Quantization(Section):
    """Rows as a quantized table would hold them, in training and in serving."""

    # Equally spaced levels from `lower` to `upper`; values outside are clipped.
    buckets: PositiveInt = 256
    lower: FiniteFloat
    upper: FiniteFloat

    @model_validator(mode="after")
    def _range(self) -> "Quantization":
        if self.lower >= self.upper or self.buckets < 2:
            raise PydanticCustomError(
                "quantization", "needs `lower` below `upper`, and 2 or more `buckets`"
            )
        return self


class Table(Vocabulary):
    """An embedding table. How many rows it needs follows from its features' ids."""

    dim: PositiveInt
    optimizer: Optimizer = Optimizer(adagrad=Adagrad())
    # The standard deviation of the truncated normal distribution of new rows.
    initial_stddev: PositiveFloat = 0.01
    # What becomes of ids out of range and weights that are no numbers, in training and
    # in serving; docs/embedding.md has the details.
    policy: Literal["error", "drop", "oov_row"] = "error"
    quantization: Quantization | None = None
