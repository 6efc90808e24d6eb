"""Held-out splits that take all of a sample, or nothing of it."""

from collections.abc import Callable

import pytest

from shardline.components.checker.split_rules import split_findings
from shardline.components.readers.files import ReadSettings
from shardline.components.readers.files.sampling import sample
from shardline.configs.column import Column
from shardline.configs.schema import HeldOut


@pytest.mark.parametrize(
    ("at_least", "is_whole", "faults", "message"),
    [
        (5, False, [], ""),
        (0, False, [True], "it takes all 9 sampled examples, and leaves none for"),
        (
            99,
            True,
            [True],
            "no sampled example is in it: column `day` goes from 0 to 8",
        ),
        (99, False, [False], "no sampled example is in it: column `day` goes from 0"),
        ("2024-09-30", False, [True], "9 of 9 sampled examples cannot be used: "),
    ],
)
def test_held_out_split_takes_a_part(
    write_csv: Callable[..., str],
    at_least: int | str,
    is_whole: bool,
    faults: list[bool],
    message: str,
) -> None:
    file = write_csv("a.csv", day=list(range(9)))
    rule = HeldOut(column="day", at_least=at_least)
    settings = ReadSettings("csv", {"day": Column("string")}, held_out={"eval": rule})
    pieces = sample([file], settings, 100, ["day"])

    findings = list(split_findings(pieces, settings, is_whole=is_whole))

    assert [finding.is_fault for finding in findings] == faults
    for finding in findings:
        assert finding.message.startswith(message)
        assert finding.config_path == ("data", "files", "held_out", "eval", "at_least")


def test_column_that_a_file_lacks_is_left_to_what_reads_it(
    write_csv: Callable[..., str],
) -> None:
    file = write_csv("a.csv", day=[1])
    settings = ReadSettings(
        "csv",
        {"day": Column("string")},
        held_out={"e": HeldOut(column="x", at_least=1)},
    )

    pieces = sample([file], settings, 100, ["day"])

    assert list(split_findings(pieces, settings, is_whole=True)) == []


@pytest.mark.parametrize(
    ("fractions", "is_whole", "is_fault", "message", "remedy"),
    [
        ([0.5], True, None, "", ""),
        ([1.0], True, True, "it takes all 40 sampled", "Give smaller fractions."),
        ([0.5, 1], False, True, "it takes, with those", "Give smaller fractions."),
        ([0.0], True, True, "no sampled example is in it, by", "Correct its rule"),
        ([1e-6], False, False, "no sampled example is in it, by", "That is well if"),
    ],
)
def test_split_of_whole_rows_takes_a_part(
    write_csv: Callable[..., str],
    fractions: list[float],
    is_whole: bool,
    is_fault: bool | None,
    message: str,
    remedy: str,
) -> None:
    file = write_csv("a.csv", day=list(range(40)), other=list(range(40)))
    rules = {f"s{i}": HeldOut(fraction=share) for i, share in enumerate(fractions)}
    settings = ReadSettings("csv", {"day": Column("string")}, held_out=rules)
    pieces = sample([file], settings, 100, ["day"])

    findings = list(split_findings(pieces, settings, is_whole=is_whole))

    assert [f.is_fault for f in findings] == ([] if is_fault is None else [is_fault])
    for finding in findings:
        assert finding.message.startswith(message)
        assert finding.remedy.startswith(remedy)
        path = ("data", "files", "held_out", list(rules)[-1], "fraction")
        assert finding.config_path == path
        assert finding.column == ""
