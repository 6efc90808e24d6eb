"""Batches that one job keeps for the next."""

from pathlib import Path

import pyarrow as pa
import pytest

from shardline.components.features.reading.staged import StagedUnit, staged_batches
from shardline.components.readers.files import BadInputError, Unit

BATCH = pa.RecordBatch.from_pydict(
    {"x": pa.array([[1], [], [2, 3]], pa.large_list(pa.int64()))}
)
UNIT = Unit("some/file.csv", 1, 2)


@pytest.fixture
def folder(tmp_path: Path) -> str:
    """A folder with the unit's batches, of two splits."""
    staged = StagedUnit(str(tmp_path), UNIT)
    staged.write("train", BATCH)
    staged.write("eval", BATCH.slice(0, 1))
    staged.write("train", BATCH.slice(2))
    staged.finish()
    return str(tmp_path)


def test_batches_come_back_by_split(folder: str) -> None:
    found = list(staged_batches(folder, UNIT, {"train": 4, "eval": 1}))

    assert [(split, batch.column("x").to_pylist()) for split, batch in found] == [
        ("eval", [[1]]),
        ("train", [[1], [], [2, 3]]),
        ("train", [[2, 3]]),
    ]


def test_unit_without_a_good_row_has_no_batch(tmp_path: Path) -> None:
    assert list(staged_batches(str(tmp_path), UNIT, {"train": 0})) == []


def test_lost_batches_are_no_empty_ones(folder: str) -> None:
    for file in Path(folder).iterdir():
        file.unlink()

    with pytest.raises(BadInputError, match=r"file\.csv: what the first job kept of"):
        list(staged_batches(folder, UNIT, {"train": 4}))


@pytest.mark.parametrize("kept", [0, 0.5, 0.99])
def test_cut_batches_are_no_fewer_ones(kept: float, folder: str) -> None:
    for file in Path(folder).iterdir():
        content = file.read_bytes()
        file.write_bytes(content[: int(kept * len(content))])

    with pytest.raises(BadInputError, match="is not there, or not whole"):
        list(staged_batches(folder, UNIT, {"train": 4, "eval": 1}))


def test_nothing_is_there_until_the_unit_is_finished(tmp_path: Path) -> None:
    staged = StagedUnit(str(tmp_path), UNIT)
    staged.write("train", BATCH)

    with pytest.raises(BadInputError, match="is not there"):
        list(staged_batches(str(tmp_path), UNIT, {"train": 3}))
