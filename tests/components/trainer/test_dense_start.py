"""Variables of the dense model are matched by name, shape and type."""

from collections.abc import Callable

import numpy as np

from shardline.components.trainer.dense_start import assign, dense_variables, match
from shardline.components.trainer.learner import Learner
from shardline.components.trainer.loop import save


def test_a_model_of_the_same_kind_takes_all_but_the_learning_rate(
    learner: Learner, other_learner: Learner, tmp_path
) -> None:
    for variable in learner.optimizer.variables[2:]:
        variable.assign(variable.value + 1)
    prefix = str(tmp_path / "checkpoint")
    save(learner, prefix)
    held = dense_variables(learner)
    other_learner.optimizer.learning_rate = 0.5

    matched = match(other_learner, held)
    assign(other_learner, prefix, matched)

    assert matched.not_taken == {}
    assert len(matched.taken) == len(held) - 1
    for mine, theirs in zip(
        other_learner.model.variables, learner.model.variables, strict=True
    ):
        np.testing.assert_array_equal(mine, theirs)
    for mine, theirs in zip(
        other_learner.optimizer.variables[2:],
        learner.optimizer.variables[2:],
        strict=True,
    ):
        np.testing.assert_array_equal(mine, theirs)
    assert float(other_learner.optimizer.learning_rate) == 0.5


def test_what_does_not_fit_is_told(
    learner: Learner, restart: Callable[[], None]
) -> None:
    held = dense_variables(learner)
    kernel = next(one for one in held if one.name == "model/dlrm/dense/kernel")
    bias = next(one for one in held if one.name == "model/dlrm/dense/bias")
    logit = next(one for one in held if one.name == "model/dlrm/dense_2/bias")
    changed = [one for one in held if one not in (kernel, bias, logit)]
    changed += [
        kernel.model_copy(update={"shape": (1, 2)}),
        bias.model_copy(update={"dtype": "float16"}),
        logit.model_copy(update={"name": "model/dlrm/other/bias"}),
    ]

    matched = match(learner, changed)

    assert len(matched.taken) == len(held) - 1 - 3
    shape = list(kernel.shape)
    assert matched.not_taken == {
        kernel.name: f"begins anew: it was float32 [1, 2], and is float32 {shape}",
        bias.name: "begins anew: it was float16 [8], and is float32 [8]",
        logit.name: "begins anew: the checkpoint has no such variable",
        "model/dlrm/other/bias": "left behind: the model has no such variable",
    }
