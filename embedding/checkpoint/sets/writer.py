"""Writes one checkpoint set: all its files, and when these last, its manifest."""

import dataclasses
import datetime
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf

from shardline.embedding.checkpoint.crash_points import crash_point
from shardline.embedding.checkpoint.crc32c import masked_crc32c
from shardline.embedding.checkpoint.sets.cut import Piece
from shardline.embedding.checkpoint.sets.durable import (
    replace_file,
    sync_file,
    sync_folder,
    write_file,
)
from shardline.embedding.checkpoint.sets.folder import (
    MANIFEST_FILE,
    TABLES,
    VALUES,
    CheckpointSet,
    SetFolder,
    pin,
    set_name,
)
from shardline.embedding.checkpoint.sets.manifest import (
    Kind,
    Rows,
    Saving,
    SetManifest,
    StoredFile,
    StoredTable,
)
from shardline.embedding.checkpoint.sets.reader import key_of, sha256_of
from shardline.embedding.checkpoint.sets.rounding import row_spec
from shardline.embedding.checkpoint.slices import RowPiece, header, tensor_entries
from shardline.embedding.checkpoint.sorted_table import table_content


@dataclasses.dataclass
class Clock:
    """How long a save takes.

    Attributes:
        pause_seconds: for how long training stood still.
    """

    pause_seconds: float = 0.0
    started: datetime.datetime = dataclasses.field(
        default_factory=lambda: datetime.datetime.now().astimezone()
    )
    started_s: float = dataclasses.field(default_factory=time.perf_counter)

    @property
    def elapsed(self) -> float:
        """Seconds since the save began."""
        return time.perf_counter() - self.started_s

    def saving(self, size: int) -> Saving:
        """Returns what the manifest says of the save, which ends now."""
        return Saving(
            started=self.started.isoformat(timespec="milliseconds"),
            seconds=self.elapsed,
            pause_seconds=self.pause_seconds,
            bytes=size,
        )


class SetWriter:
    """Writes one set into a folder that this process has locked."""

    def __init__(
        self,
        folder: SetFolder,
        step: int,
        kind: Kind,
        parent: CheckpointSet | None,
        hosts: int,
        rows: Rows = "float32",
    ):
        """Writes nothing yet.

        Args:
            folder: where to.
            step: training steps behind the set.
            kind: full, or rows touched since the parent.
            parent: the set that a differential one builds on.
            hosts: how many data files there will be.
            rows: how rows are held: rounded in an archive.
        """
        self._folder = folder
        self._step = step
        self._kind: Kind = kind
        self._parent = parent
        self._hosts = hosts
        self._rows: Rows = rows
        self.path = folder.path / set_name(step, kind)

    def begin(self, *, pinned: bool) -> None:
        """Makes the set's folder; what a dead save left there goes."""
        if self.path.exists():
            self._folder.set_aside(self.path.name)
        crash_point("before_make_folder")
        self.path.mkdir()
        sync_folder(self._folder.path)
        if pinned:
            pin(self.path)

    def data_file(self, host: int) -> Path:
        """Returns the file of a host's rows."""
        return self.path / f"{TABLES}.data-{host:05d}-of-{self._hosts:05d}"

    def write_values(self, values: Mapping[str, tf.Tensor]) -> None:
        """Writes everything that is no table.

        Args:
            values: by name.
        """
        if not values:
            return
        prefix = str(self.path / VALUES)
        tf.raw_ops.SaveV2(
            prefix=prefix,
            tensor_names=list(values),
            shape_and_slices=[""] * len(values),
            tensors=list(values.values()),
        )
        for path in sorted(self.path.glob(f"{VALUES}.*")):
            sync_file(path)

    def write_index(
        self, tables: Mapping[str, StoredTable], pieces: Sequence[Sequence[Piece]]
    ) -> None:
        """Writes where the rows lie.

        Args:
            tables: what the set holds.
            pieces: what each host wrote.

        Raises:
            RuntimeError: if the hosts wrote other rows than are to be stored.
        """
        entries = header(self._hosts)
        for (table, tensor), rows in pieces_by_tensor(pieces).items():
            stored = tables[table]
            if sum(piece.count for piece in rows) != stored.stored_rows:
                raise RuntimeError(
                    f"The hosts wrote {sum(piece.count for piece in rows):,} rows of "
                    f"'{table}' ({tensor}), not {stored.stored_rows:,}."
                )
            dtype, values = row_spec(tensor, stored.dim, self._rows)
            shape = [stored.stored_rows, *values]
            entries |= tensor_entries(key_of(table, tensor), dtype, shape, rows)
        content = table_content(entries, masked_crc32c)
        write_file(self.path / f"{TABLES}.index", content)

    def commit(
        self,
        tables: Mapping[str, StoredTable],
        lineage: Mapping[str, str],
        state: Mapping[str, Any],
        clock: Clock,
    ) -> CheckpointSet:
        """Makes the set exist, once all its files are on the disk.

        Args:
            tables: what it holds.
            lineage: digests of what the training depends on.
            state: what the training needs to go on, as JSON has it.
            clock: since when it is being saved.
        """
        sync_folder(self.path)
        files = dict(sorted(_files(self.path)))
        parent = self._parent
        manifest = SetManifest(
            kind=self._kind,
            step=self._step,
            parent=parent.name if parent else None,
            parent_digest=parent.manifest.digest if parent else None,
            depth=parent.manifest.depth + 1 if parent else 0,
            hosts=self._hosts,
            tables=tables,
            files=files,
            lineage=lineage,
            state=state,
            saving=clock.saving(sum(file.bytes for file in files.values())),
            rows=self._rows,
        )
        replace_file(self.path / MANIFEST_FILE, manifest.to_json().encode())
        return CheckpointSet(self.path, manifest)


def pieces_by_tensor(
    pieces: Sequence[Sequence[Piece]],
) -> dict[tuple[str, str], list[RowPiece]]:
    """Returns the pieces of each tensor, by ascending rows.

    In a differential set a host counts rows from its own first one: those of the hosts
    before it come first.
    """
    of_tensor: dict[tuple[str, str], list[RowPiece]] = {}
    for host, of_host in enumerate(pieces):
        for piece in of_host:
            of_tensor.setdefault((piece.table, piece.tensor), []).append(
                RowPiece(
                    piece.first,
                    piece.count,
                    host,
                    piece.offset,
                    piece.bytes,
                    piece.masked_crc32c,
                )
            )
    return {key: list(_in_order(rows)) for key, rows in of_tensor.items()}


def _in_order(pieces: Sequence[RowPiece]) -> Iterable[RowPiece]:
    first = 0
    for piece in sorted(pieces, key=lambda piece: (piece.file, piece.first)):
        yield dataclasses.replace(piece, first=first)
        first += piece.count


def _files(path: Path) -> Iterable[tuple[str, StoredFile]]:
    for file in path.iterdir():
        if file.name.startswith(f"{TABLES}.data-"):
            yield file.name, StoredFile(file.stat().st_size)
        elif file.name.startswith((TABLES, VALUES)):
            yield file.name, StoredFile(file.stat().st_size, sha256_of(file))
