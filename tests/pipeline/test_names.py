"""Names that a platform takes."""

import itertools
import re

import pytest

from shardline.pipeline.names import pipeline_name, shows_run_name

# What Kubernetes takes as the name of an object.
LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")

NAMES = [
    "a",
    "shop",
    "two_words",
    "two__words",
    "ends_",
    "ends__",
    "ends",
    "a" * 53,
    "a" * 54,
    "a" * 119,
    "a" * 118 + "b",
    "a" * 52 + "_",
    "a" * 49 + "_" * 10 + "b",
    "clicks_20240101",
    "clicks_0123456789ab",
]


@pytest.mark.parametrize("name", NAMES)
def test_name_is_one_that_kubernetes_takes(name: str) -> None:
    assert LABEL.fullmatch(pipeline_name(name))


def test_different_runs_have_different_names() -> None:
    for one, other in itertools.combinations(NAMES, 2):
        assert pipeline_name(one) != pipeline_name(other)


def test_no_name_is_that_of_one_that_was_cut() -> None:
    cut = pipeline_name("a" * 119)
    same = cut.removeprefix("shardline-").replace("-", "_")

    assert pipeline_name(same) not in (cut, pipeline_name(same.replace("_", "__")))


@pytest.mark.parametrize(
    ("name", "expected", "shown"),
    [
        ("shop", "shardline-shop", True),
        ("open_bandit", "shardline-open-bandit", False),
        ("clicks_20240101", "shardline-clicks-20240101", False),
        ("a" * 53, "shardline-" + "a" * 53, True),
    ],
)
def test_name_is_that_of_the_run_where_it_can_be(
    name: str, expected: str, shown: bool
) -> None:
    assert pipeline_name(name) == expected
    assert shows_run_name(name) is shown
