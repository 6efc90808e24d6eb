"""Rows of a chain block by block: each from the last set that has it."""

import numpy as np
import pytest

from shardline.embedding.checkpoint.crc32c import masked_crc32c
from shardline.embedding.checkpoint.sets.chain import chain_readers, table_blocks
from shardline.embedding.checkpoint.sets.compaction import compact
from shardline.embedding.checkpoint.sets.cut import Piece
from shardline.embedding.checkpoint.sets.manifest import StoredTable
from shardline.embedding.checkpoint.sets.reader import SetDamagedError, SetReader
from shardline.embedding.checkpoint.sets.verify import verify_set
from shardline.embedding.checkpoint.sets.writer import Clock, SetWriter

ROWS, DIM, SLOTS = 103, 3, ("momenta", "velocities")
TENSORS = ("parameters", *SLOTS)


class Chain:
    """Sets whose files numpy writes, and what they hold together."""

    def __init__(self, folder, hosts, block):
        self.folder, self.hosts, self.block = folder, hosts, block
        self.random = np.random.default_rng(hosts * 100 + block)
        self.values = {name: self._random(ROWS) for name in TENSORS}
        self.bounds = np.linspace(0, ROWS, hosts + 1).astype(int)
        self.last = self._write(1, np.arange(ROWS), None)

    def add(self, count):
        """Adds a differential set with some changed rows."""
        rows = np.sort(self.random.choice(ROWS, count, replace=False))
        for name in TENSORS:
            self.values[name][rows] = self._random(count)
        self.last = self._write(self.last.step + 1, rows, self.last)

    def _random(self, rows):
        return self.random.normal(size=(rows, DIM)).astype(np.float32)

    def _write(self, step, rows, parent):
        kind = "differential" if parent else "full"
        writer = SetWriter(self.folder, step, kind, parent, self.hosts)
        writer.begin(pinned=False)
        pieces = [
            self._file(writer.data_file(host), host, rows, parent is not None)
            for host in range(self.hosts)
        ]
        tables = {"t": StoredTable(ROWS, DIM, SLOTS, len(rows))}
        writer.write_index(tables, pieces)
        return writer.commit(tables, {"l": "1"}, {"step": step}, Clock())

    def _file(self, path, host, rows, is_differential):
        first, last = self.bounds[host : host + 2]
        rows = rows[(rows >= first) & (rows < last)]
        pieces, offset = [], 0
        with open(path, "wb") as file:
            for at in range(0, len(rows), self.block):
                some = rows[at : at + self.block]
                parts = {name: self.values[name][some] for name in TENSORS}
                if is_differential:
                    parts = {"rows": some.astype(np.int64), **parts}
                for name, part in parts.items():
                    content = part.tobytes()
                    where = at if is_differential else first + at
                    pieces.append(
                        Piece(
                            "t",
                            name,
                            int(where),
                            len(some),
                            offset,
                            len(content),
                            masked_crc32c(content),
                        )
                    )
                    offset += file.write(content)
        return pieces


@pytest.fixture(params=[(1, 200), (1, 7), (3, 10), (2, 1)], ids=str)
def chain(request, folder):
    chain = Chain(folder, *request.param)
    for count in (1, 20, 0, ROWS, 5, 2):
        chain.add(count)
    return chain


def read(folder, last):
    blocks = list(table_blocks(chain_readers(folder, last), "t"))
    assert [block.first for block in blocks] == sorted(block.first for block in blocks)
    return {
        name: np.concatenate([block.tensors[name] for block in blocks])
        for name in TENSORS
    }


def test_each_row_is_from_the_last_set_that_has_it(folder, chain):
    held = read(folder, chain.last)
    for name in TENSORS:
        assert held[name].tobytes() == chain.values[name].tobytes()


def test_a_compacted_set_holds_the_same_alone(folder, chain):
    full = compact(folder, chain.last)
    for one in folder.sets():
        if one.name != full.name:
            folder.remove(one.name)
    assert folder.sets() == [full]
    assert verify_set(full) == []
    manifest = full.manifest
    assert (manifest.kind, manifest.depth, manifest.parent) == ("full", 0, None)
    assert (manifest.state, manifest.lineage) == ({"step": 7}, {"l": "1"})
    assert manifest.hosts == chain.hosts
    held = read(folder, full)
    for name in TENSORS:
        assert held[name].tobytes() == chain.values[name].tobytes()


def test_damage_ends_a_compaction_and_the_chain_stays(folder, chain):
    data = next(folder.sets()[2].path.glob("tables.data-00000-*"))
    content = bytearray(data.read_bytes())
    content[0] ^= 1
    data.write_bytes(content)
    before = [one.name for one in folder.sets()]
    with pytest.raises(SetDamagedError, match=r"tables\.data-00000-of-"):
        compact(folder, chain.last)
    assert [one.name for one in folder.sets()] == before


def test_an_index_with_other_rows_is_found(folder, chain, monkeypatch):
    reader = SetReader(chain.last)
    table = reader.set.manifest.tables["t"]
    monkeypatch.setitem(
        reader.set.manifest.tables, "t", StoredTable(ROWS, DIM, SLOTS, 9)
    )
    assert table.stored_rows == 2
    with pytest.raises(SetDamagedError, match=r"2 rows of 't' .*manifest says 9"):
        reader.pieces("t", "rows")


def test_hosts_that_wrote_other_rows_make_no_set(folder, chain):
    writer = SetWriter(folder, 99, "full", None, 1)
    writer.begin(pinned=False)
    piece = Piece("t", "parameters", 0, ROWS - 1, 0, 1, 0)
    tables = {"t": StoredTable(ROWS, DIM, (), ROWS)}
    with pytest.raises(RuntimeError, match=r"wrote 102 rows of 't' .*not 103"):
        writer.write_index(tables, [[piece]])
