"""Rules between features and tables, each with its line and remedy."""

from collections.abc import Callable

import pytest

# Text to replace, its replacement, and the line and the message of the fault.
FAULTS = {
    "ids_of_two_kinds": (
        "  hour: {table: hour,",
        "  hour: {table: user,",
        "8: feature `hour`: its ids (range: 24 of int64) are not those of feature "
        "`user` (vocabulary of string) on table `user`",
    ),
    "rows_too_few": (
        "  hour: {dim: 4}",
        "  hour: {dim: 4, rows: 20}",
        "15: table `hour`: its ids need 24 rows, `rows` is 20",
    ),
    "key_without_meaning": (
        "  pair: {dim: 4}",
        "  pair: {dim: 4, min_count: 3}",
        "16: table `pair`: `min_count` has no meaning for `ids: hash_buckets: 50`",
    ),
    "living_hashes": (
        "  pair: {dim: 4}",
        "  pair: {dim: 4, living: {capacity: 3}}",
        "16: table `pair`: `living` has no meaning for `ids: hash_buckets: 50`",
    ),
    "token_that_goes_as_it_comes": (
        "  tag: {dim: 4}",
        "  tag: {dim: 4, min_count: 2, living: {decay: 0.5, evict_below: 2.5}}",
        "14: table `tag`: a token comes in with a count of 2 (`min_count`) and would "
        "go again below 2.5 (`evict_below`)",
    ),
}


@pytest.mark.parametrize(("old", "new", "message"), FAULTS.values(), ids=list(FAULTS))
def test_fault_is_told_with_its_line(
    job_faults: Callable[[str, str], list[str]], old: str, new: str, message: str
) -> None:
    faults = job_faults(old, new)

    assert any(fault.startswith(message) for fault in faults), faults
