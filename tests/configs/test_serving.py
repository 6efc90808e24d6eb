"""What a serving section may not say of itself."""

from collections.abc import Callable
from typing import Any

import pytest

from shardline.configs.serving import Serving

# Text to replace, its replacement, and the line and the message of the fault.
FAULTS = {
    "unknown_precision": (
        "numbers:\n",
        "serving: {tables: {hour: int4}}\nnumbers:\n",
        "10: `serving.tables`: must be `float32`, `float16`, `int8` or `auto`",
    ),
    "unknown_precision_of_all": (
        "numbers:\n",
        "serving: {tables: [int8]}\nnumbers:\n",
        "10: `serving.tables`: must be `float32`, `float16`, `int8` or `auto`",
    ),
}


@pytest.mark.parametrize(("old", "new", "message"), FAULTS.values(), ids=list(FAULTS))
def test_fault_is_told_with_its_line(
    job_faults: Callable[[str, str], list[str]], old: str, new: str, message: str
) -> None:
    faults = job_faults(old, new)

    assert any(fault.startswith(message) for fault in faults), faults


@pytest.mark.parametrize(
    ("tables", "precisions"),
    [
        ("auto", {"movie": "auto", "user": "auto"}),
        ({"movie": "int8"}, {"movie": "int8", "user": "float32"}),
    ],
    ids=str,
)
def test_precision_of_a_table_is_its_own_or_that_of_all(
    tables: Any, precisions: dict[str, str]
) -> None:
    serving = Serving(tables=tables)

    assert {name: serving.precision_of(name) for name in precisions} == precisions
