"""Side files are joined to spans when they are read; spans keep what these said."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from shardline_tests import load

from shardline.components.contracts.data_card import load_data_card
from shardline.components.span_examples.store import load_stored

shared = load(Path(__file__).with_name("stored_spans.py"))
FIRST_DAY, SECOND_DAY, THIRD_DAY = shared.DAYS


@pytest.fixture
def joined(tmp_path: Path) -> Any:
    """Runs on three days whose users have a town in side files, but for two."""
    shared.write_days(tmp_path / "data")
    side = {"files": "users.csv", "key": "user", "file_key": "id", "columns": ["town"]}
    runs = shared.Runs(tmp_path, join={"users": side})
    runs.columns = {**shared.COLUMNS, "town": {"dtype": "string", "optional": True}}
    write_towns(runs, "north")
    return runs


def write_towns(runs: Any, town: str) -> None:
    """Users 0 to 8 of each day have a town; 9 and 10, of six examples, have none."""
    users = [f"u{day}_{n}" for day in range(3) for n in range(9)]
    lines = ["id,town", *(f"{user},{town}" for user in users)]
    (runs.data / "users.csv").write_text("\n".join(lines) + "\n")


def towns(examples: Any, day: int) -> dict[bytes, int]:
    """How many examples of a day have which town."""
    files = sorted(str(f) for f in Path(examples.uri).glob("Split-*/*.gz"))
    records = tf.data.TFRecordDataset(files, "GZIP").as_numpy_iterator()
    counts: dict[bytes, int] = {}
    for example in map(tf.train.Example.FromString, records):
        columns = example.features.feature
        if columns["user"].bytes_list.value[0].startswith(b"u%d_" % day):
            for town in columns["town"].bytes_list.value or [b""]:
                counts[town] = counts.get(town, 0) + 1
    return counts


def test_side_files_are_joined_to_spans_and_told(joined: Any) -> None:
    examples = joined.run(FIRST_DAY, SECOND_DAY, evaluate=THIRD_DAY)

    for day in range(3):
        assert towns(examples, day) == {b"north": 34, b"": 6}
    card = load_data_card(examples.uri)
    assert card is not None
    assert (card.rows, card.without_row) == (120, {"users": 18})
    assert "6 examples without a row in `users`" in card.lines[0]
    (digest,) = {
        load_stored(str(p)).data_card.side_files["users"] for p in joined.kept.values()
    }
    assert card.side_files == {"users": digest}


def test_a_span_keeps_what_its_side_files_said(joined: Any) -> None:
    first = joined.run(FIRST_DAY)
    (folder,) = joined.kept.values()
    before = folder.stat().st_ino

    write_towns(joined, "south")
    second = joined.run(FIRST_DAY, SECOND_DAY)

    assert folder.stat().st_ino == before
    assert towns(first, 0) == towns(second, 0) == {b"north": 34, b"": 6}
    assert towns(second, 1) == {b"south": 34, b"": 6}
    old, new = (load_data_card(one.uri).side_files["users"] for one in (first, second))
    assert new.split(", ")[0] == old
    assert len(set(new.split(", "))) == 2
    # To have what they say now, as docs/continuous.md has it:
    shutil.rmtree(folder)
    third = joined.run(FIRST_DAY, SECOND_DAY)
    assert towns(third, 0) == {b"south": 34, b"": 6}
    assert load_data_card(third.uri).side_files["users"] == new.split(", ")[1]


@pytest.mark.parametrize(
    "change",
    [
        {"file_key": "name"},
        {"columns": {"town": "name"}},
        {"dialect": {"delimiter": ","}},
        {"files": "user?.csv"},
    ],
)
def test_a_join_of_another_kind_reads_spans_anew(joined: Any, change: Any) -> None:
    lines = (joined.data / "users.csv").read_text().splitlines()
    named = ["id,town,name", *(f"{one},{one.split(',')[0]}" for one in lines[1:])]
    (joined.data / "users.csv").write_text("\n".join(named) + "\n")
    joined.run(FIRST_DAY)
    joined.run(FIRST_DAY)
    assert len(joined.kept) == 1

    joined.files["join"]["users"].update(change)
    joined.run(FIRST_DAY)

    assert len(joined.kept) == 2
