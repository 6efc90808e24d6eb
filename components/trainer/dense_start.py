"""Begins a dense model and its optimizer with the variables of a checkpoint.

They are matched by name and shape, so that a model that was changed takes what fits.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import tensorflow as tf

from shardline.components.contracts.warm_start_facts import DenseVariable
from shardline.components.model.dense_variables import plain_variables
from shardline.components.model.variable_names import model_names, optimizer_names
from shardline.components.trainer.learner import Learner

# A setting, which the configuration of the training decides.
_LEARNING_RATE = "optimizer/learning_rate"
_ATTRIBUTE = "/.ATTRIBUTES/VARIABLE_VALUE"


class DenseMatch(NamedTuple):
    """Which variables of a checkpoint a learner takes.

    Attributes:
        taken: the checkpoint's variable by the name of the learner's.
        not_taken: by name, why not.
    """

    taken: Mapping[str, DenseVariable]
    not_taken: Mapping[str, str]


def dense_variables(learner: Learner) -> list[DenseVariable]:
    """Returns what a learner's checkpoint has of dense model and optimizer.

    Args:
        learner: whose `checkpoint` it is.
    """
    return [described for described, _ in _named(learner)]


def match(learner: Learner, held: Sequence[DenseVariable]) -> DenseMatch:
    """Returns which of a checkpoint's variables fit a learner.

    Args:
        learner: what is to begin with them.
        held: what the checkpoint has.
    """
    theirs = {variable.name: variable for variable in held}
    taken, not_taken = {}, {}
    for mine, _ in _named(learner):
        other = theirs.pop(mine.name, None)
        if mine.name == _LEARNING_RATE:
            continue
        if other is None:
            not_taken[mine.name] = "begins anew: the checkpoint has no such variable"
        elif (other.shape, other.dtype) != (mine.shape, mine.dtype):
            not_taken[mine.name] = (
                f"begins anew: it was {other.dtype} {list(other.shape)}, and is "
                f"{mine.dtype} {list(mine.shape)}"
            )
        else:
            taken[mine.name] = other
    for name in theirs:
        not_taken[name] = "left behind: the model has no such variable"
    return DenseMatch(taken, not_taken)


def assign(learner: Learner, prefix: str, matched: DenseMatch) -> None:
    """Reads what was matched into a learner.

    Args:
        learner: what is to begin with it.
        prefix: the checkpoint's path.
        matched: from `match`.
    """
    reader = tf.train.load_checkpoint(prefix)
    for mine, variable in _named(learner):
        if other := matched.taken.get(mine.name):
            variable.assign(reader.get_tensor(other.key + _ATTRIBUTE))


def _named(learner: Learner) -> list[tuple[DenseVariable, tf.Variable]]:
    kinds = {
        "model": (learner.model, model_names(learner.model)),
        "optimizer": (
            learner.optimizer,
            optimizer_names(learner.optimizer, learner.model),
        ),
    }
    return [
        (
            DenseVariable(
                name=f"{kind}/{name}",
                shape=tuple(variable.shape),
                dtype=variable.dtype.name,
                key=f"{kind}/{number}",
            ),
            variable,
        )
        for kind, (owner, names) in kinds.items()
        for number, (name, variable) in enumerate(
            zip(names, plain_variables(owner), strict=True)
        )
    ]
