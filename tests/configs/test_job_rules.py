"""Rules between features and the rest of a job, each with its line."""

from collections.abc import Callable

import pytest

# Text to replace, its replacement, and the line and the message of the fault.
FAULTS = {
    "reserved_label": (
        "  path: data",
        "  path: data\n  label: example_weight",
        "2: data: `label: example_weight` is a name that has another meaning here",
    ),
    "label_that_is_read": (
        "  path: data",
        "  path: data\n  label: city",
        "10: feature `pair` reads the label's column `city`",
    ),
    "label_as_weight": (
        "  path: data",
        "  path: data\n  example_weight: label",
        "2: data: `example_weight` is the label's column",
    ),
    "policy_that_a_tpu_cannot_follow": (
        "  pair: {dim: 4}\n",
        "  pair: {dim: 4, policy: drop}\n"
        "training: {batch_size: 1, steps: 1, tpu: local}\n",
        "16: table `pair`: a TPU takes no ids but those of rows, and `policy: drop`",
    ),
    "precision_of_no_table": (
        "numbers:\n",
        "serving: {tables: {hours: int8}}\nnumbers:\n",
        "10: serving.tables: `hours` is not among the tables",
    ),
}


@pytest.mark.parametrize(("old", "new", "message"), FAULTS.values(), ids=list(FAULTS))
def test_fault_is_told_with_its_line(
    job_faults: Callable[[str, str], list[str]], old: str, new: str, message: str
) -> None:
    faults = job_faults(old, new)

    assert any(fault.startswith(message) for fault in faults), faults
