"""Rows of files read into tables, what is not as it was written, what is refused."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from shardline.embedding.checkpoint.crc32c import masked_crc32c

DIM = 3
ROW_BYTES = 4 * DIM
INT64_MAX = 2**63 - 1
VALUES = (-1, 2, 5, INT64_MAX, -INT64_MAX - 1)


class Files:
    """Rows in files, and the pieces that tell of them."""

    def __init__(self, folder):
        self.folder = folder
        self.paths, self.pieces, self._sizes = [], [], []

    def add(self, rows, *, table=0, skip=0, take=None, to=0, gap=0, new_file=False):
        """Appends rows to the last file, or to a new one, and a piece of them."""
        if new_file or not self.paths:
            self.paths.append(str(self.folder / f"data {len(self.paths)}"))
            self._sizes.append(0)
        content = rows.tobytes()
        with open(self.paths[-1], "ab") as file:
            file.write(b"x" * gap + content)
        offset = self._sizes[-1] + gap
        self._sizes[-1] = offset + len(content)
        take = len(rows) - skip if take is None else take
        where = [table, len(self.paths) - 1, offset, len(content)]
        self.pieces.append([*where, masked_crc32c(content), skip, take, to])


@pytest.fixture
def files(tmp_path):
    return Files(tmp_path)


@pytest.fixture
def read(ops):
    def read(tables, paths, pieces):
        return ops.shardline_read_shard(
            tables=[table.handle for table in tables],
            paths=paths,
            pieces=np.array(pieces, np.int64).reshape([-1, 8]),
            dims=[DIM] * len(tables),
        ).numpy()

    return read


def rows_of(count, seed=0):
    values = np.random.default_rng(seed).normal(size=(count, DIM))
    return values.astype(np.float32)


def table_of(rows):
    return tf.Variable(tf.fill([rows, DIM], -1.0))


def test_rows_go_where_their_pieces_say(files, read):
    rows, slots = rows_of(10), rows_of(10, seed=1)
    tables = table_of(12), table_of(10)
    # Neighbours, of two tables in turn; then after a gap; then in another file.
    files.add(rows[:4], to=1)
    files.add(slots[:4], table=1)
    files.add(rows[4:7], to=5, gap=5)
    files.add(slots[4:], table=1, to=4)
    files.add(rows[7:], to=8, new_file=True)
    assert read(tables, files.paths, files.pieces).tolist() == []
    np.testing.assert_array_equal(tables[0].numpy()[1:11], rows)
    np.testing.assert_array_equal(tables[1].numpy(), slots)
    assert (tables[0].numpy()[[0, 11]] == -1).all()


def test_only_the_asked_rows_of_a_piece_are_taken(files, read):
    rows = rows_of(20)
    table = table_of(9)
    files.add(rows[:8], skip=5)
    files.add(rows[8:12], to=3)
    files.add(rows[12:], take=2, to=7)
    assert read([table], files.paths, files.pieces).tolist() == []
    np.testing.assert_array_equal(table.numpy(), rows[5:14])


def test_many_pieces_of_more_than_is_read_at_once(files, read):
    rows = rows_of(700_000)  # 8 MB
    table = table_of(len(rows))
    bounds = [0, *range(70, 70_000, 70), 500_000, len(rows)]
    for first, last in itertools.pairwise(bounds):
        files.add(rows[first:last], to=first)
    assert read([table], files.paths, files.pieces).tolist() == []
    np.testing.assert_array_equal(table.numpy(), rows)


def test_pieces_that_are_not_what_was_written_are_told(files, read, tmp_path):
    rows = rows_of(40)
    for first in range(0, 40, 10):
        files.add(rows[first : first + 10], to=first, take=9)
    with open(files.paths[0], "r+b") as file:
        content = bytearray(file.read())
        content[11 * ROW_BYTES] ^= 1  # of the second piece
        content[19 * ROW_BYTES] ^= 128
        file.seek(0)
        file.write(content)
        file.truncate(39 * ROW_BYTES)  # in a row of the last piece that is not taken
    table = table_of(40)
    assert read([table], files.paths, files.pieces).tolist() == [1, 3]
    np.testing.assert_array_equal(table.numpy()[:9], rows[:9])
    np.testing.assert_array_equal(table.numpy()[20:29], rows[20:29])


def test_no_pieces_are_no_faults(read):
    assert read([table_of(1)], [], []).tolist() == []


def test_a_file_that_is_missing_is_named(files, read):
    files.add(rows_of(2))
    missing = files.paths[0] + " gone"
    with pytest.raises(tf.errors.DataLossError, match=r"open .*gone: No such file"):
        read([table_of(2)], [missing], files.pieces)


def test_a_folder_is_no_file(files, read, tmp_path):
    files.add(rows_of(2))
    with pytest.raises(tf.errors.DataLossError, match="Is a directory"):
        read([table_of(2)], [str(tmp_path)], files.pieces)


# Of a piece of four rows, of which two are taken: what may stand in which column, and
# whether it is another piece then than was written.
SOUND = {
    (2, 2): True,
    (2, 5): True,
    **{(4, value): True for value in VALUES},
    (5, 2): False,
    (6, 2): False,
    (7, 2): False,
}


@pytest.mark.parametrize(("column", "value"), SOUND)
def test_numbers_that_fit_are_read_and_compared(files, read, column, value):
    files.add(rows_of(4), take=2)
    files.pieces[0][column] = value
    faults = read([table_of(4)], files.paths, files.pieces)
    assert len(faults) == SOUND[column, value]


@pytest.mark.parametrize(
    ("column", "value"), sorted(set(itertools.product(range(8), VALUES)) - set(SOUND))
)
def test_numbers_that_do_not_fit_are_refused(files, read, column, value):
    files.add(rows_of(4), take=2)
    files.pieces[0][column] = value
    table = table_of(4)
    with pytest.raises(tf.errors.InvalidArgumentError, match="Piece 0 does not fit"):
        read([table], files.paths, files.pieces)
    assert (table.numpy() == -1).all()


def test_a_table_that_is_given_twice_is_refused(read):
    table = table_of(2)
    with pytest.raises(tf.errors.InvalidArgumentError, match="given twice"):
        read([table, table], [], [])
