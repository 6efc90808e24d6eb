"""Changed rows of a file are found, and put in again."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from shardline.components.pusher.deltas import rows
from shardline.components.pusher.deltas.delta_manifest import Change, Piece
from shardline.components.pusher.deltas.rows import (
    Region,
    decoded_index,
    encoded_index,
    regions_of,
    write_changed_rows,
    write_patched,
)
from shardline.components.pusher.publication import PublicationError


@pytest.mark.parametrize(
    "numbers",
    [[], [0], [7], [0, 1, 2], [3, 258, 259], [0, 2**16 + 1], [5, 2**33], [2**40]],
    ids=str,
)
def test_index_is_read_as_it_was_written(numbers: list[int]) -> None:
    index = encoded_index(np.array(numbers, np.int64))

    read = decoded_index(index, len(numbers), 2**40 + 1)

    np.testing.assert_array_equal(read, numbers)


def test_index_of_many_rows_takes_a_part_of_a_byte_each() -> None:
    chosen = np.flatnonzero(np.random.default_rng(0).random(100_000) < 0.5)

    assert len(encoded_index(chosen)) < 0.4 * len(chosen)


GOOD = encoded_index(np.array([3, 5]))


@pytest.mark.parametrize(
    ("index", "count", "end"),
    [
        (b"", 2, 9),
        (GOOD, 3, 9),
        (GOOD, 1, 9),
        (GOOD, 2, 5),
        (GOOD[:-1], 2, 9),
        (GOOD[:1] + b"junk", 2, 9),
        (b"\x03" + GOOD[1:], 2, 9),
        (encoded_index(np.array([3, 5]))[:1] + GOOD[2:], 2, 9),
        (GOOD, 0, 9),
    ],
    ids=itertools.count(),
)
def test_damaged_index_is_refused(index: bytes, count: int, end: int) -> None:
    with pytest.raises(PublicationError, match=f"should hold {count} rows below {end}"):
        decoded_index(index, count, end)


def test_index_that_does_not_rise_is_refused() -> None:
    twice = encoded_index(np.array([3, 3]))

    with pytest.raises(PublicationError, match="index of a delta is damaged"):
        decoded_index(twice, 2, 9)


def region(offset: int, count: int, row_bytes: int = 4) -> Region:
    return Region(file="file", offset=offset, rows=count, row_bytes=row_bytes)


def there_and_back(
    folder: Path,
    base: tuple[bytes, list[Region]],
    new: tuple[bytes, list[Region]],
) -> tuple[Change, int]:
    """Checks that the new file comes back; returns the change and its bytes."""
    (folder / "base").write_bytes(base[0])
    (folder / "new").write_bytes(new[0])
    payload, patched = folder / "payload", folder / "patched"
    change = write_changed_rows(
        (folder / "base", base[1]), (folder / "new", new[1]), payload
    )
    assert change is not None
    size = payload.stat().st_size
    assert size == sum(piece.payload_bytes for piece in change.pieces)
    write_patched(folder / "base", payload, change, len(new[0]), patched)
    assert patched.read_bytes() == new[0]
    return change, size


@pytest.mark.parametrize("seed", range(12))
def test_any_change_comes_back_byte_by_byte(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(seed)
    monkeypatch.setattr(rows, "_PIECE_BYTES", int(random.integers(1, 300)))
    monkeypatch.setattr(rows, "_BLOCK_BYTES", int(random.integers(1, 50)))
    width = int(random.integers(1, 20))
    counts = random.integers(0, 60, size=2)
    grown = counts + random.integers(-5, 30, size=2).clip(-counts)
    gaps = random.integers(0, 99, size=3)

    def made(counts: np.ndarray, tables: list[np.ndarray]) -> tuple[bytes, list]:
        between = [bytes(random.integers(256, size=n, dtype="u1")) for n in gaps]
        second = gaps[0] + counts[0] * width + gaps[1]
        regions = [
            region(gaps[0], counts[0], width),
            region(second, counts[1], width),
        ]
        parts = [between[0], tables[0].tobytes(), between[1], tables[1].tobytes()]
        return b"".join([*parts, between[2]]), regions

    old = [random.integers(256, size=(n, width), dtype="u1") for n in counts]
    new = [random.integers(256, size=(n, width), dtype="u1") for n in grown]
    for before, after in zip(old, new, strict=True):
        shared = min(len(before), len(after))
        kept = random.random(shared) < random.random()
        after[:shared][kept] = before[:shared][kept]

    there_and_back(tmp_path, made(counts, old), made(grown, new))


def test_only_changed_rows_travel(tmp_path: Path) -> None:
    table = np.arange(4000, dtype="<u4")
    other = table.copy()
    other[[5, 70, 3999]] += 1
    regions = [region(0, 4000)]

    change, size = there_and_back(
        tmp_path, (table.tobytes(), regions), (other.tobytes(), regions)
    )

    assert change.table_rows == 3
    assert size < 40


def test_new_rows_travel_and_old_ones_do_not(tmp_path: Path) -> None:
    table = np.arange(1000, dtype="<u4")

    change, size = there_and_back(
        tmp_path,
        (table[:900].tobytes() + b"rest", [region(0, 900)]),
        (table.tobytes() + b"rest", [region(0, 1000)]),
    )

    assert change.table_rows == 100
    assert size == 400


def test_rows_of_another_length_all_travel(tmp_path: Path) -> None:
    content = bytes(range(120))

    change, size = there_and_back(
        tmp_path, (content, [region(0, 30, 4)]), (content, [region(0, 15, 8)])
    )

    assert change.table_rows == 15
    assert size == 120


@pytest.mark.parametrize(
    "regions",
    [[], [region(0, 31)], [region(0, 5), region(8, 5)], [region(0, 9), region(40, 1)]],
    ids=["none", "beyond", "overlap", "more"],
)
def test_files_that_cannot_be_compared_by_rows_give_nothing(
    tmp_path: Path, regions: list[Region]
) -> None:
    (tmp_path / "file").write_bytes(bytes(120))
    file = tmp_path / "file"
    payload = tmp_path / "payload"

    if regions:
        assert (
            write_changed_rows((file, [region(0, 30)]), (file, regions), payload)
            is None
        )
    else:
        whole = write_changed_rows((file, []), (file, [region(0, 30)]), payload)
        assert whole is not None
        assert sum(piece.payload_bytes for piece in whole.pieces) == 120
        return

    assert not payload.exists()


def test_model_that_does_not_say_where_rows_lie_has_no_regions(tmp_path: Path) -> None:
    assert regions_of(tmp_path) == {}
    (tmp_path / "assets.extra").mkdir()
    (tmp_path / "assets.extra" / "rows.json").write_text('{"regions": [{}]}')
    assert regions_of(tmp_path) == {}


def patch(folder: Path, piece: Piece, payload: bytes, size: int) -> None:
    (folder / "base").write_bytes(bytes(40))
    (folder / "payload").write_bytes(payload)
    change = Change(kind="rows", pieces=[piece])
    write_patched(
        folder / "base", folder / "payload", change, size, folder / "out" / "new"
    )


@pytest.mark.parametrize(
    ("piece", "payload", "words"),
    [
        (Piece(4, 9, 0, 9, 0, 0), b"", "another length than 40 bytes"),
        (Piece(4, 10, 0, 9, 0, 0), b"new", "payload: ends 1 bytes too soon"),
        (Piece(4, 10, 0, 9, 0, 0), b"new row", "payload: is longer than its delta"),
        (Piece(4, 10, 4, 10, 0, 0), b"", "base: ends 4 bytes too soon"),
        (Piece(4, 10, 0, 11, 0, 0), b"", "piece that cannot be"),
        (Piece(4, 10, 0, 10, 11, 0), b"", "piece that cannot be"),
    ],
    ids=["size", "short", "long", "base", "common", "changed"],
)
def test_parts_that_do_not_fit_are_refused(
    tmp_path: Path, piece: Piece, payload: bytes, words: str
) -> None:
    with pytest.raises(PublicationError, match=words):
        patch(tmp_path, piece, payload, 40)
