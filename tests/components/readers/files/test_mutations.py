"""Files with bytes changed at random: an error or left out, never anything else.

What is left out does not depend on how many parts a file is read in.
"""

import gzip
import random
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from shardline.components.readers.files import BadInput, ReadSettings, Unit, read_unit
from shardline.components.readers.files.formats.csv import text as csv_text
from shardline.configs.column import Column
from shardline.configs.data import HeldOut

COLUMNS = {
    "user": Column("string"),
    "tags": Column("string", ragged=True),
    "weights": Column("float", ragged=True),
    "age": Column("int64", optional=True),
    "label": Column("float"),
}
ROWS = [
    {
        "user": f'"u{i}\n"',
        "tags": ["t"] * (i % 3),
        "weights": [0.5] * (i % 3),
        "age": i if i % 2 else None,
        "label": i % 2,
        "day": i,
    }
    for i in range(30)
]
MUTATIONS = 25


def mutated(content: bytes, draw: random.Random) -> bytes:
    """Changes, removes and adds a few bytes."""
    changed = bytearray(content)
    for _ in range(draw.randint(1, 4)):
        place = draw.randrange(len(changed) + 1)
        end = min(place + draw.randint(0, 12), len(changed))
        new = draw.choice([b"", b'"', b"\n", b",", b"|", b"\r", draw.randbytes(5)])
        changed[place : draw.choice([place, place, end])] = new
    return bytes(changed)


def read(file: str, settings: ReadSettings, parts: int) -> tuple:
    bad = BadInput("skip", "skip")
    rows = []
    for part in range(parts):
        for split, batch in read_unit(Unit(file, part, parts), settings, bad, 5):
            batch.validate(full=True)
            for column in batch.columns:
                assert isinstance(column, pa.LargeListArray)
                assert column.null_count == column.flatten().null_count == 0
            rows += [(split, str(row)) for row in batch.to_pylist()]
    return sorted(rows), bad.rows, bad.first, list(bad.files)


@pytest.mark.parametrize(
    ("format_", "is_zipped"),
    [
        ("tfrecord", False),
        ("tfrecord", True),
        ("csv", False),
        ("csv", True),
        ("parquet", False),
    ],
)
def test_mutated_file_is_left_out_the_same_in_any_parts(
    format_: str,
    is_zipped: bool,
    write: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(csv_text, "_CHUNK_BYTES", 200)
    monkeypatch.setattr("shardline.components.readers.files.streams._STEP_BYTES", 100)
    settings = ReadSettings(
        format_,
        COLUMNS,
        paired=(("weights", "tags"),),
        label="label",
        held_out={"eval": HeldOut(column="day", at_least=20)},
        on_bad_example="skip",
        on_bad_file="skip",
        max_values=20,
    )
    draw = random.Random(f"{format_} {is_zipped}")
    good = Path(write(f"a.{format_}", ROWS)).read_bytes()
    skipped = 0
    for _ in range(MUTATIONS):
        if is_zipped:
            content = gzip.compress(mutated(good, draw))
            content = mutated(content, draw) if draw.random() < 0.5 else content
            file = write(f"a.{format_}.gz", content)
        else:
            file = write(f"a.{format_}", mutated(good, draw))
        found = read(file, settings, 1)
        assert found == read(file, settings, 3)
        skipped += bool(found[1] or found[3])
    assert skipped > MUTATIONS / 2
