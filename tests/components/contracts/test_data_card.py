"""What became of raw data: for people, in ML Metadata, in the card, and read again."""

from pathlib import Path

import pytest
from tfx.types import standard_artifacts

from shardline.components.contracts.data_card import (
    Reading,
    is_of_files,
    load_reading,
    reading_of,
    save_reading,
    set_counts,
    told_count,
)
from shardline.components.readers.files import BadInput, Tally

REASON = "column `age` does not hold one int64"


@pytest.fixture
def artifact(tmp_path: Path) -> standard_artifacts.Examples:
    made = standard_artifacts.Examples()
    made.uri = str(tmp_path)
    made.splits = ["train", "eval"]
    return made


def reading() -> Reading:
    bad = BadInput("skip", "skip")
    bad.add(REASON, 3, [("data/d/a.csv", 2, f"data/d/a.csv, line 2: {REASON}")])
    bad.add_file("data/b.csv", "is damaged.")
    bad.add_empty("data/c.csv")
    tally = Tally(
        given={"data/d/a.csv": {"train": 80, "eval": 17}},
        left_out={"data/d/a.csv": 3, "data/b.csv": 0, "data/c.csv": 0},
    )
    return reading_of({"train": 80, "eval": 17}, tally, bad, "data")


def test_reading_is_said_in_a_line_and_told_in_lines() -> None:
    told = reading()

    assert told.said == (
        "3 of 100 examples (3.00%), what 1 file held from a fault on, 1 file without "
        "rows"
    )
    assert told.lines[0] == f"3 examples left out: {REASON}"
    assert "  data/b.csv: is damaged." in told.lines


def test_card_names_files_below_the_data_and_no_place() -> None:
    assert reading().card.model_dump() == {
        "examples": {"train": 80, "eval": 17},
        "rows": 100,
        "left_out": 3,
        "reasons": {REASON: 3},
        "bad_files": {"b.csv": "is damaged."},
        "empty_files": ["c.csv"],
    }


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (Reading(examples={"train": 5}, rows=5), "none of 5 examples"),
        (Reading(examples={"train": 5}), "not told by the reader"),
    ],
)
def test_nothing_left_out_is_said_too(made: Reading, said: str) -> None:
    assert made.said == said


def test_reading_is_kept_and_its_numbers_are_properties(
    artifact: standard_artifacts.Examples,
) -> None:
    save_reading(artifact, reading())

    assert load_reading(artifact.uri) == reading()
    assert is_of_files(artifact)
    for name, count in {
        "examples_train": 80,
        "examples_eval": 17,
        "left_out": 3,
        "bad_files": 1,
        "empty_files": 1,
    }.items():
        assert artifact.get_int_custom_property(name) == count
    told = artifact.get_string_custom_property("left_out_told")
    assert told == "\n".join(reading().lines)


def test_long_lines_are_cut_in_properties(
    artifact: standard_artifacts.Examples,
) -> None:
    long = reading().model_copy(update={"lines": ["x" * 100_000]})

    save_reading(artifact, long)

    assert len(artifact.get_string_custom_property("left_out_told")) == 1000
    assert load_reading(artifact.uri) == long


def test_examples_without_a_record_have_none(
    artifact: standard_artifacts.Examples,
) -> None:
    assert load_reading(artifact.uri) is None
    assert told_count([artifact], "train") is None
    assert not is_of_files(artifact)


def test_counts_of_several_artifacts_add_up(
    artifact: standard_artifacts.Examples,
) -> None:
    other = standard_artifacts.Examples()
    other.splits = ["train"]
    set_counts(artifact, {"train": 3, "eval": 2})
    assert told_count([artifact, other], "train") is None
    set_counts(other, {"train": 4})

    assert told_count([artifact, other], "train") == 7
    assert told_count([artifact, other], "eval") == 2
