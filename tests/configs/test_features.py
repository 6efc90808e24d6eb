"""What a feature, number or derived column may not say of itself."""

from collections.abc import Callable

import pytest

# Text to replace, its replacement, and the line and the message of the fault.
FAULTS = {
    "default_out_of_range": (
        "ids: {range: 24}",
        "ids: {range: 24}, default: 24",
        "8: `features.hour`: `default: 24` is not in `range: 24`",
    ),
    "default_of_another_type": (
        "  user: {table: user}",
        "  user: {table: user, default: 3}",
        "6: `features.user`: `default: 3` is no string",
    ),
    "no_bucket": (
        "ids: {range: 24}",
        "ids: {quantile_buckets: 0}",
        "8: `features.hour.ids.quantile_buckets`: Input should be greater than 0",
    ),
    "two_kinds_of_ids": (
        "ids: {range: 24}",
        "ids: {range: 24, hash_buckets: 5}",
        "8: `features.hour.ids`: give at most one of `hash_buckets`, `range`",
    ),
    "unknown_kind_of_ids": (
        "ids: {range: 24}",
        "ids: vocab",
        "8: `features.hour.ids`: must be `vocabulary` or a mapping",
    ),
    "salt_without_hash": (
        "ids: {range: 24}",
        "ids: {range: 24, salt: x}",
        "8: `features.hour.ids`: `salt` needs `hash_buckets`",
    ),
    "missing_that_is_no_number": (
        "age: {scale",
        "age: {missing: .nan, scale",
        "11: `numbers.age.missing",
    ),
    "derived_twice": (
        "numbers:\n",
        "derived: {function: a.b, inputs: {x: {dtype: string}}, outputs: {x: {dtype: "
        "string}}}\nnumbers:\n",
        "10: `derived`: `x` is in `inputs` and in `outputs`",
    ),
}


@pytest.mark.parametrize(("old", "new", "message"), FAULTS.values(), ids=list(FAULTS))
def test_fault_is_told_with_its_line(
    job_faults: Callable[[str, str], list[str]], old: str, new: str, message: str
) -> None:
    faults = job_faults(old, new)

    assert any(fault.startswith(message) for fault in faults), faults
