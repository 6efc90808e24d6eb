"""What TensorFlow says of a save: that one begins, and that it is a SavedModel's.

Rows that live in a device are brought into their variables before a checkpoint saves
them.
"""

from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

# How TensorFlow lets a class act before it is saved, and says why; not exported.
from tensorflow.python.saved_model import save_context
from tensorflow.python.saved_model.registration import register_checkpoint_saver


def call_before_saving(kind: type, action: Callable[[Any], None]) -> None:
    """Has an action done on every object of a class before a checkpoint saves it.

    Args:
        kind: class of the objects, a `Trackable`.
        action: what to do.
    """

    def save(trackables: Mapping[str, Any], **_: Any) -> list[str]:
        for trackable in trackables.values():
            action(trackable)
        # No files beside those that the variables are saved to.
        return []

    register_checkpoint_saver(
        package="Shardline",
        name=kind.__name__,
        predicate=lambda candidate: isinstance(candidate, kind),
        save_fn=save,
        restore_fn=lambda **_: None,
        # TensorFlow's own class restores these checkpoints too.
        strict_predicate_restore=False,
    )


def is_exporting() -> bool:
    """Returns whether a function is being traced for a SavedModel."""
    return not tf.executing_eagerly() and bool(save_context.in_save_context())
