"""Files are read as a job reads them, up to some row."""

from collections.abc import Callable

import pytest

from shardline.components.checker.strict_reading import read_strictly
from shardline.components.readers.files import ReadSettings
from shardline.configs.column import Column

NUMBER = {"age": Column("float")}


@pytest.mark.parametrize(("mode", "is_fault"), [("error", True), ("skip", False)])
def test_bad_rows_are_found_with_their_reason(
    write_csv: Callable[..., str], mode: str, is_fault: bool
) -> None:
    file = write_csv("a.csv", age=[1, 2, "x", 4])
    settings = ReadSettings("csv", NUMBER, on_bad_example=mode, max_bad_share=0.5)

    batches, findings = read_strictly({"train": [(file, 10)]}, settings, is_all=True)

    assert batches["train"].num_rows == 3
    (finding,) = findings
    assert finding.is_fault is is_fault
    assert finding.causes == {"column `age` does not hold one float"}


def test_reading_stops_after_so_many_rows(write_csv: Callable[..., str]) -> None:
    file = write_csv("a.csv", age=[*range(50), "x"])
    settings = ReadSettings("csv", NUMBER)

    batches, findings = read_strictly({"late": [(file, 10)]}, settings, is_all=False)

    assert batches["late"].num_rows == 10
    assert findings == []


@pytest.mark.parametrize("is_all", [True, False])
def test_more_bad_rows_than_may_be_left_out_are_a_fault_of_the_whole(
    write_csv: Callable[..., str], is_all: bool
) -> None:
    file = write_csv("a.csv", age=[1, "x", "y", 4])
    settings = ReadSettings("csv", NUMBER, on_bad_example="skip")

    _, findings = read_strictly({"train": [(file, 10)]}, settings, is_all=is_all)

    (too_many,) = [f for f in findings if f.config_path == ("data", "files")]
    assert too_many.is_fault is is_all
    assert "2 of 4 sampled examples would be left out (50.00%)" in too_many.message
