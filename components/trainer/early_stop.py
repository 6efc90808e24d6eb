"""Early stop: validates now and then, and knows which step was best."""

import dataclasses
import logging
from collections.abc import Iterable, Mapping
from typing import Any

import tensorflow as tf

from shardline.components.trainer.inputs import Batch
from shardline.components.trainer.learner import Learner
from shardline.configs.schema import EarlyStop

_log = logging.getLogger("shardline.trainer")


@dataclasses.dataclass
class _State:
    """What validations have found.

    Attributes:
        best: the lowest normalized entropy; None before the first validation.
        best_step: the step that had it.
        worse: how many validations since have brought no improvement.
    """

    best: float | None = None
    best_step: int = 0
    worse: int = 0


class StopRule:
    """Ends training once validation no longer finds a lower normalized entropy."""

    def __init__(
        self,
        learner: Learner,
        settings: EarlyStop,
        validation: Iterable[Batch],
        state: Mapping[str, Any] | None = None,
    ):
        """Sets what to judge.

        Args:
            learner: what learns.
            settings: how often to validate, and how patiently.
            validation: filled batches.
            state: of a rule whose training goes on; None: of none.
        """
        self._learner = learner
        self._settings = settings
        self._validation = validation
        self._state = _State(**state) if state else _State()

    @property
    def state(self) -> dict[str, Any]:
        """What the rule needs to go on, as JSON has it."""
        return dataclasses.asdict(self._state)

    @property
    def best_step(self) -> int:
        """The step with the lowest normalized entropy so far; 0 before the first."""
        return self._state.best_step

    @property
    def is_enough(self) -> bool:
        """Whether `patience` validations have brought no improvement."""
        return self._state.worse >= self._settings.patience

    def is_due(self, step: int, last_step: int) -> bool:
        """Returns whether to validate after a step."""
        return step % self._settings.every_steps == 0 or step == last_step

    def judge(self, step: int) -> bool:
        """Validates; returns whether it was better than ever.

        Raises:
            ValueError: if normalized entropy is undefined.
        """
        named = f"examples of split '{self._settings.split}'"
        judged = self._learner.evaluate(self._validation, named)
        for name, value in judged.values.items():
            tf.summary.scalar(f"validation/{name}", value, step)
        if "normalized_entropy" in judged.undefined:
            raise ValueError(
                f"Early stop cannot judge at step {step}: "
                f"{'; '.join(judged.undefined_lines)}. If scores are no numbers, "
                "training went wrong: lower its learning rates, or look for numbers "
                "that are too large in the data."
            )
        entropy = judged.values["normalized_entropy"]
        _log.info("step %d, validation normalized entropy %.4f", step, entropy)
        if self._state.best is None or entropy < self._state.best:
            self._state = _State(entropy, step, 0)
            return True
        self._state.worse += 1
        return False
