"""Rules between features and numbers, each with its line and remedy."""

from collections.abc import Callable
from pathlib import Path

import pytest

from shardline.configs import ConfigError, load_job

# Text to replace, its replacement, and the line and the message of the fault.
FAULTS = {
    "column_of_two_kinds": (
        "age: {scale",
        "age: {column: tags, scale",
        "11: number `age`: column `tags` holds one float here, and any number of "
        "string values for feature `tags`",
    ),
    "number_named_as_a_feature": (
        "  age: {",
        "  user: {column: age, ",
        "11: number `user` has the name of a feature",
    ),
    "reserved_name": (
        "  user: {table: user}",
        "  scores: {table: user}",
        "6: feature `scores` has a name that has another meaning here",
    ),
    "name_that_is_a_word_of_python": (
        "  user: {table: user}",
        "  class: {table: user, column: user}",
        "6: feature `class`: the published model's `lookup` cannot have an input "
        "`class`, a word of Python; rename it, and give `column: class`",
    ),
    "cross_with_a_combiner": (
        "cross: [user, city],",
        "cross: [user, city], combiner: sum,",
        "9: feature `pair`: it crosses one string with one string; leave out",
    ),
    "cross_of_lists_without_a_combiner": (
        "cross: [user, city],",
        "cross: [user, tags],",
        "9: feature `pair`: it crosses one string with any number of string values; ",
    ),
    "cross_of_floats": (
        "cross: [user, city],",
        "cross: [user, age],",
        "9: feature `pair`: floats, as in column `age`, do not cross",
    ),
    "crossed_column_with_a_default": (
        "  user: {table: user}",
        "  user: {table: user, default: none}",
        "6: feature `user`: what stands in for a missing value has no meaning, for "
        "feature `pair` crosses its column",
    ),
    "default_of_a_pair": (
        "cross: [user, city],",
        "cross: [user, city], default: none,",
        "9: feature `pair`: a pair is never missing; leave out `default`",
    ),
}


@pytest.mark.parametrize(("old", "new", "message"), FAULTS.values(), ids=list(FAULTS))
def test_fault_is_told_with_its_line(
    job_faults: Callable[[str, str], list[str]], old: str, new: str, message: str
) -> None:
    faults = job_faults(old, new)

    assert any(fault.startswith(message) for fault in faults), faults


@pytest.mark.parametrize(
    ("feature", "name"),
    [
        ("tags_values: {table: user}", "tags_values"),
        ("tags_row_splits: {table: user}", "tags_row_splits"),
        ("tags_weights: {table: user}", "tags_weights"),
    ],
)
def test_features_that_lookup_would_call_alike_are_refused(
    write: Callable[[str], Path], job_text: str, feature: str, name: str
) -> None:
    text = job_text.replace(
        "combiner: mean}", "combiner: mean, weights: scores_of_tags}"
    )
    text = text.replace("  hour: {table: hour,", f"  {feature}\n  hour: {{table: hour,")

    with pytest.raises(
        ConfigError,
        match=f"feature `{name}`: the published model's `lookup` would call an input "
        f"`{name}` for it and for feature `tags`; rename one of the two",
    ):
        load_job(write(text))


def test_feature_called_weights_beside_one_without_weights_is_no_fault(
    write: Callable[[str], Path], job_text: str
) -> None:
    text = job_text.replace(
        "  hour: {table: hour,", "  tags_weights: {table: user}\n  hour: {table: hour,"
    )

    assert "tags_weights" in load_job(write(text)).features
