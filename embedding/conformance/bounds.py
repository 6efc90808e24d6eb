"""How far a number may lie from its golden vector, and why.

Golden vectors are rounded once, from float64. The engine computes in float32, where one
operation is off by at most 6e-8 of its result, and a sum of n terms by n times that of
the terms' absolute values: some 1e-6 of what stands here, whose values reach 3.

| | on CPU hosts | on a TPU |
|---|---|---|
| a row that nobody looked up | no bit may change | the same |
| what was saved, when it is read elsewhere | equal bit for bit | the same |
| activations of the first step | 1e-6, and 1e-6 of the value | as below |
| activations and state after it | 1e-5, and 1e-6 of the value | by optimizer |
| FTRL's linears | as many times more as they hold the weights divided by the rate | |

On a TPU: SGD and Adagrad 1e-5, FTRL 5e-4, Adam 1e-4, AdagradMomentum 1e-3, and as much
of the value on top. The last three are those of TensorFlow's own tests, which compare
TPUs with numpy after one step. For the first two these have 1e-6; here are several
steps, with options that theirs have not.
"""

import dataclasses

import numpy as np

from shardline.embedding.conformance.cases import Case


@dataclasses.dataclass(frozen=True)
class Bound:
    """A distance, and a share of the expected value on top of it."""

    absolute: float
    relative: float

    def around(self, expected: np.ndarray) -> np.ndarray:
        """Returns how far each value may be off: float64, in the shape given."""
        return self.absolute + self.relative * np.abs(expected.astype(np.float64))


EXACT = Bound(0.0, 0.0)

_FIRST_LOOKUP = Bound(1e-6, 1e-6)
_ON_HOSTS = Bound(1e-5, 1e-6)
_ON_TPU = {
    "SGD": Bound(1e-5, 1e-5),
    "Adagrad": Bound(1e-5, 1e-5),
    "AdagradMomentum": Bound(1e-3, 1e-3),
    "Adam": Bound(1e-4, 1e-4),
    "FTRL": Bound(5e-4, 5e-4),
}


def of_activations(case: Case, step: int, *, on_tpu: bool) -> Bound:
    """Returns the bound of lookups.

    Args:
        case: what is trained.
        step: from 0.
        on_tpu: whether a TPU computes them.
    """
    if on_tpu:
        return _ON_TPU[case.optimizer]
    return _ON_HOSTS if step else _FIRST_LOOKUP


def of_state(case: Case, slot: str, *, on_tpu: bool) -> Bound:
    """Returns the bound of parameters, or of a slot.

    Args:
        case: what is trained.
        slot: its name, or "parameters".
        on_tpu: whether a TPU updates them.
    """
    bound = _ON_TPU[case.optimizer] if on_tpu else _ON_HOSTS
    if slot == "linears" and not case.options.get("multiply_linear_by_learning_rate"):
        return dataclasses.replace(
            bound, absolute=bound.absolute / min(case.learning_rates)
        )
    return bound
