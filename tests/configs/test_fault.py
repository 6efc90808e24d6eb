"""Faults in words, with and without a location, and the error that has several."""

import pickle

import pytest

from shardline.configs.fault import (
    ConfigError,
    Fault,
    Part,
    feature_part,
    number_part,
    sentence,
    table_part,
)


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        (Fault((), "is empty"), "is empty"),
        (Fault((), "is empty", who="feature `a`"), "feature `a`: is empty"),
        (Fault((), "is empty", "write it"), "is empty; write it"),
        (Fault((), "no", "do", "data", "a.yaml", 3), "a.yaml:3: data: no; do."),
        (Fault((), "no", file="a.yaml"), "a.yaml: no."),
        (Fault((), "unknown", "a?", file="a.yaml", line=1), "a.yaml:1: unknown; a?"),
        (Fault((), "a\nb\x1b", file="a.yaml", line=1), r"a.yaml:1: a\nb\x1b."),
    ],
)
def test_fault_reads_as_a_line(fault: Fault, text: str) -> None:
    assert str(fault) == text


def test_part_puts_its_name_and_path_to_faults() -> None:
    part = Part("label", ("data", "label"))

    assert part.fault("no", "do") == Fault(("data", "label"), "no", "do", "label")
    assert feature_part("a").fault("no", key="ids").config_path == (
        "features",
        "a",
        "ids",
    )


@pytest.mark.parametrize(
    ("part", "who", "section"),
    [
        (feature_part("a"), "feature `a`", "features"),
        (number_part("a"), "number `a`", "numbers"),
        (table_part("a"), "table `a`", "tables"),
    ],
)
def test_parts_are_named_by_their_section(part: Part, who: str, section: str) -> None:
    assert part == (who, (section, "a"))


def test_error_lists_its_faults_and_survives_pickling() -> None:
    faults = (Fault(("a",), "no"), Fault(("b",), "neither"))

    error = pickle.loads(pickle.dumps(ConfigError(*faults)))

    assert error.faults == faults
    assert str(error) == "no\nneither"
    assert isinstance(error, ValueError)


@pytest.mark.parametrize(
    ("text", "expected"), [("a", "a."), ("a.", "a."), ("a?", "a?"), ("", ".")]
)
def test_sentence_ends_with_a_stop(text: str, expected: str) -> None:
    assert sentence(text) == expected
