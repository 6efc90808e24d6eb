"""What became of raw data: for people, in ML Metadata, in the card, and read again."""

from pathlib import Path

import pytest
from tfx.types import standard_artifacts

from shardline.components.contracts.data_card import (
    DataCard,
    data_card_of,
    erased_since,
    is_of_files,
    load_data_card,
    record_counts,
    recorded_count,
    save_data_card,
    tell_erased,
)
from shardline.components.readers.files import BadInput, Tally

REASON = "column `age` does not hold one int64"


@pytest.fixture
def artifact(tmp_path: Path) -> standard_artifacts.Examples:
    made = standard_artifacts.Examples()
    made.uri = str(tmp_path)
    made.splits = ["train", "eval"]
    return made


def data_card() -> DataCard:
    bad = BadInput("skip", "skip")
    bad.add(REASON, 3, [("data/d/a.csv", 2, f"data/d/a.csv, line 2: {REASON}")])
    bad.add_file("data/b.csv", "is damaged.")
    bad.add_empty("data/c.csv")
    tally = Tally(
        given={"data/d/a.csv": {"train": 80, "eval": 17}},
        left_out={"data/d/a.csv": 3, "data/b.csv": 0, "data/c.csv": 0},
    )
    return data_card_of({"train": 80, "eval": 17}, tally, bad, "data")


def test_reading_is_said_in_a_line_and_told_in_lines() -> None:
    told = data_card()

    assert told.left_out_line == (
        "3 of 100 examples (3.00%), what 1 file held from a fault on, 1 file without "
        "rows"
    )
    assert told.lines[0] == f"3 examples left out: {REASON}"
    assert "  data/b.csv: is damaged." in told.lines


def test_card_names_files_below_the_data_and_no_place() -> None:
    assert data_card().counts.model_dump() == {
        "examples": {"train": 80, "eval": 17},
        "rows": 100,
        "left_out": 3,
        "reasons": {REASON: 3},
        "bad_files": {"b.csv": "is damaged."},
        "empty_files": ["c.csv"],
        "erased": 0,
        "without_row": {},
        "side_files": {},
    }


def test_examples_without_a_row_of_side_files_are_said() -> None:
    bad = BadInput()
    bad.unmatched.add("items", 2, 1, [("data/a.csv", 2, "17"), ("data/a.csv", 4, "9")])
    tally = Tally(given={"data/a.csv": {"train": 5}}, left_out={"data/a.csv": 0})
    told = data_card_of({"train": 5}, tally, bad, "data")

    assert told.without_row == {"items": 3}
    assert told.left_out_line == "none of 5 examples; 3 without a row in `items`"


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (DataCard(examples={"train": 5}, rows=5), "none of 5 examples"),
        (DataCard(examples={"train": 5}), "not told by the reader"),
    ],
)
def test_nothing_left_out_is_said_too(made: DataCard, said: str) -> None:
    assert made.left_out_line == said


def test_reading_is_kept_and_its_numbers_are_properties(
    artifact: standard_artifacts.Examples,
) -> None:
    save_data_card(artifact, data_card())

    assert load_data_card(artifact.uri) == data_card()
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
    assert told == "\n".join(data_card().lines)


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (["x" * 100] * 20, "\n".join(["x" * 100] * 9)),
        (["key ann-2020" * 1000], "key" + " ann-2020key" * 83),
        (["x" * 100_000], ""),
    ],
)
def test_long_lines_are_cut_in_properties_and_no_word_is(
    artifact: standard_artifacts.Examples, lines: list[str], told: str
) -> None:
    long = data_card().model_copy(update={"lines": lines})

    save_data_card(artifact, long)

    assert artifact.get_string_custom_property("left_out_told") == told
    assert load_data_card(artifact.uri) == long


def test_examples_without_a_record_have_none(
    artifact: standard_artifacts.Examples,
) -> None:
    assert load_data_card(artifact.uri) is None
    assert recorded_count([artifact], "train") is None
    assert not is_of_files(artifact)


def test_examples_that_were_erased_since_count_no_more(
    artifact: standard_artifacts.Examples,
) -> None:
    record_counts(artifact, {"train": 3, "eval": 2})
    assert erased_since(artifact.uri) == {}

    tell_erased(artifact.uri, {"train": 1})

    assert erased_since(artifact.uri) == {"train": 1}
    assert recorded_count([artifact], "train") == 2
    assert recorded_count([artifact], "eval") == 2


def test_counts_of_several_artifacts_add_up(
    artifact: standard_artifacts.Examples,
) -> None:
    other = standard_artifacts.Examples()
    other.splits = ["train"]
    record_counts(artifact, {"train": 3, "eval": 2})
    assert recorded_count([artifact, other], "train") is None
    record_counts(other, {"train": 4})

    assert recorded_count([artifact, other], "train") == 7
    assert recorded_count([artifact, other], "eval") == 2
