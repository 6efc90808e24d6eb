"""What the TPU's ops and its configuration call each optimizer."""

from typing import Any, NamedTuple

from shardline.embedding.config.optimizers import (
    FTRL,
    SGD,
    Adagrad,
    AdagradMomentum,
    Adam,
)


class Algorithm(NamedTuple):
    """Names of one optimizer.

    Attributes:
        op: part of the names of the ops that load and retrieve its tables.
        field: the field of the message OptimizationParameters.
    """

    op: str
    field: str


ALGORITHMS = {
    SGD: Algorithm("StochasticGradientDescent", "stochastic_gradient_descent"),
    Adagrad: Algorithm("Adagrad", "adagrad"),
    AdagradMomentum: Algorithm("AdagradMomentum", "adagrad_momentum"),
    Adam: Algorithm("ADAM", "adam"),
    FTRL: Algorithm("FTRL", "ftrl"),
}


def algorithm_of(optimizer: Any) -> Algorithm:
    """Returns the names of an optimizer's class, or of the one it derives from."""
    bases = type(optimizer).__mro__
    return next(ALGORITHMS[base] for base in bases if base in ALGORITHMS)
