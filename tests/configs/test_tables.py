"""What a table may not say of itself."""

from collections.abc import Callable
from typing import Any

import pytest

from shardline.configs.tables import SGD, Adagrad, Adam, Optimizer

# Text to replace, its replacement, and the line and the message of the fault.
FAULTS = {
    "unknown_policy": (
        "  pair: {dim: 4}",
        "  pair: {dim: 4, policy: ignore}",
        "16: `tables.pair.policy`: Input should be 'error', 'drop' or 'oov_row'",
    ),
    "quantization_without_levels": (
        "  pair: {dim: 4}",
        "  pair: {dim: 4, quantization: {buckets: 1, lower: -1, upper: 1}}",
        "16: `tables.pair.quantization`: needs `lower` below `upper`, and 2 or more",
    ),
}


@pytest.mark.parametrize(("old", "new", "message"), FAULTS.values(), ids=list(FAULTS))
def test_fault_is_told_with_its_line(
    job_faults: Callable[[str, str], list[str]], old: str, new: str, message: str
) -> None:
    faults = job_faults(old, new)

    assert any(fault.startswith(message) for fault in faults), faults


@pytest.mark.parametrize("chosen", [SGD(), Adagrad(), Adam()], ids=repr)
def test_chosen_optimizer_is_the_one_given(chosen: Any) -> None:
    name = type(chosen).__name__.lower()

    assert Optimizer(**{name: chosen}).chosen == chosen
