"""Embedding tables: their rows, which come from ids, and how they learn."""

from typing import Literal

from pydantic import FiniteFloat, model_validator
from pydantic_core import PydanticCustomError

from shardline.configs.section import Fraction, PositiveFloat, PositiveInt, Section


class SGD(Section):
    """Stochastic gradient descent."""

    learning_rate: PositiveFloat = 0.01


class Adagrad(Section):
    """Adagrad as the TPU computes it: no epsilon."""

    learning_rate: PositiveFloat = 0.05
    initial_accumulator_value: PositiveFloat = 0.1


class Adam(Section):
    """Lazy Adam as the TPU computes it: touched rows only, no bias correction."""

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
        """The optimizer that was given."""
        return self.sgd or self.adagrad or self.adam  # type: ignore[return-value]


class Vocabulary(Section):
    """How the tokens of a table become ids. The last two are vocabularies' only."""

    # Rows of the table, where it shall have more than its ids need.
    rows: PositiveInt | None = None
    # Rows that tokens outside the vocabulary, or ids out of range, share by hash.
    oov_rows: PositiveInt = 1
    # Tokens seen less often in the training examples stay outside the vocabulary.
    min_count: PositiveInt = 1
    # Only so many tokens, the most frequent, are in the vocabulary.
    max_tokens: PositiveInt | None = None


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
    """An embedding table. Its rows follow from the ids of its features."""

    dim: PositiveInt
    optimizer: Optimizer = Optimizer(adagrad=Adagrad())
    # Of the truncated normal distribution that new rows are drawn from.
    initial_stddev: PositiveFloat = 0.01
    # What becomes of ids and weights of no use, in training and in serving: see
    # docs/embedding.md.
    policy: Literal["error", "drop", "oov_row"] = "error"
    quantization: Quantization | None = None
