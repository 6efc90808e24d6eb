"""The error of a training step that is not finite, and the names of its examples."""

from typing import NamedTuple

from shardline.configs.schema import Training


class Fault(NamedTuple):
    """What a step has found not finite.

    Attributes:
        text: what it is, in words.
        remedy: what to do about it.
        example: the first example of the batch with a loss that is not finite, counted
            from 0; None if all have one.
    """

    text: str
    remedy: str
    example: int | None


class NotFiniteError(ValueError):
    """A step whose loss or gradients are NaN or infinite; nothing of it is kept.

    Attributes:
        step: the step, counted from 1.
        fault: what was wrong.
    """

    def __init__(self, step: int, fault: Fault, of: str = ""):
        """Says what is known.

        Args:
            step: the step, counted from 1.
            fault: what was wrong.
            of: which examples it is about, a sentence.
        """
        self.step = step
        self.fault = fault
        super().__init__(
            f"Nothing of step {step:,} is kept, for it is {fault.text}.{of} "
            "Checkpoint sets of the steps before are as they were. "
            f"{fault.remedy}"
        )

    def of(
        self, training: Training, examples: int, first_step: int = 0
    ) -> "NotFiniteError":
        """Returns the error with the examples named.

        Args:
            training: the seed and the batch size.
            examples: how many there are in an epoch.
            first_step: the step that the training began with.
        """
        before = (self.step - first_step - 1) * training.batch_size
        ranges = named_examples(before, training.batch_size, examples)
        text = f" It was to learn {ranges}, in the order of seed {training.seed}."
        if self.fault.example is not None:
            first = named_examples(before + self.fault.example, 1, examples)
            text += f" The first whose loss is not finite is {first}."
        return NotFiniteError(self.step, self.fault, text)


def named_examples(before: int, count: int, examples: int) -> str:
    """Returns examples in words, in reading order and counted from 1.

    Args:
        before: how many were read before them.
        count: how many they are.
        examples: how many there are in an epoch.
    """
    ranges = []
    while count:
        epoch, first = divmod(before, examples)
        size = min(count, examples - first)
        last = f" to {first + size:,}" if size > 1 else ""
        ranges.append(f"{first + 1:,}{last} of epoch {epoch + 1}")
        before, count = before + size, count - size
    word = "examples" if len(ranges) > 1 or " to " in ranges[0] else "example"
    return f"{word} {', '.join(ranges)}"
