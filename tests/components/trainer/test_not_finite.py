"""A step that was refused is told with its examples."""

import pytest

from shardline.components.trainer.not_finite import (
    Fault,
    NotFiniteError,
    named_examples,
)
from shardline.configs.schema import Training

TRAINING = Training(batch_size=256, epochs=3, seed=7)
FAULT = Fault("not finite: number `price`", "Correct the data.", 5)


@pytest.mark.parametrize(
    ("before", "count", "named"),
    [
        (0, 256, "examples 1 to 256 of epoch 1"),
        (10_000 + 4096, 256, "examples 4,097 to 4,352 of epoch 2"),
        (9_990, 20, "examples 9,991 to 10,000 of epoch 1, 1 to 10 of epoch 2"),
        (9_744, 256, "examples 9,745 to 10,000 of epoch 1"),
        (20_000, 1, "example 1 of epoch 3"),
        (9_999, 2, "examples 10,000 of epoch 1, 1 of epoch 2"),
        (
            9_000,
            12_000,
            "examples 9,001 to 10,000 of epoch 1, 1 to 10,000 of epoch 2, "
            "1 to 1,000 of epoch 3",
        ),
    ],
)
def test_examples_are_named_in_reading_order(
    before: int, count: int, named: str
) -> None:
    assert named_examples(before, count, examples=10_000) == named


def test_error_names_step_fault_examples_order_and_remedy() -> None:
    error = NotFiniteError(40, FAULT).of(TRAINING, examples=10_000)

    assert error.step == 40
    assert str(error) == (
        "Nothing of step 40 is kept, for it is not finite: number `price`. It was to "
        "learn examples 9,985 to 10,000 of epoch 1, 1 to 240 of epoch 2, in the order "
        "of seed 7. The first whose loss is not finite is example 9,990 of epoch 1. "
        "Checkpoint sets of the steps before are as they were. Correct the data."
    )


def test_error_names_no_example_if_all_losses_are_finite() -> None:
    fault = FAULT._replace(example=None)

    assert "The first" not in str(NotFiniteError(1, fault).of(TRAINING, 10_000))
