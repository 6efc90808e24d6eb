"""Reads the files of one checkpoint set; whatever is read was verified."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf

from shardline.embedding.checkpoint.error_text import reason_of
from shardline.embedding.checkpoint.index import StoredRows, stored_rows
from shardline.embedding.checkpoint.sets.cut import PARAMETERS
from shardline.embedding.checkpoint.sets.folder import MARKERS, CheckpointSet
from shardline.embedding.checkpoint.sets.manifest import StoredTable
from shardline.embedding.checkpoint.sets.rounding import SCALE, row_spec
from shardline.embedding.checkpoint.sets.shared_files import raise_if_unseen

_BLOCK_BYTES = 2**20
# What TensorFlow raises where the host that reads is gone.
_LOSS_ERRORS = (
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.UnavailableError,
)


class SetDamagedError(ValueError):
    """A file of a set is not what was written."""


def key_of(table: str, tensor: str) -> str:
    """Returns the key of a tensor in the checkpoint of a set's tables.

    Args:
        table: the table's name.
        tensor: "parameters", the name of a slot, or "rows".
    """
    return f"{table}/{tensor}"


def tensors_of(table: StoredTable) -> list[str]:
    """Returns the tensors that hold a table's rows: parameters, then slots."""
    return [PARAMETERS, *table.slots]


class SetReader:
    """Reads one set piece by piece."""

    def __init__(self, checkpoint_set: CheckpointSet):
        """Checks that all files are there, in their size, and what has a digest.

        Raises:
            SetDamagedError: naming the file that is not what was written.
        """
        self.set = checkpoint_set
        fault = next(iter(file_faults(checkpoint_set)), "")
        if fault:
            raise SetDamagedError(fault)

    def pieces(self, table: str, tensor: str) -> list[StoredRows]:
        """Returns in which pieces a tensor is stored, by ascending rows.

        Args:
            table: the table's name.
            tensor: "parameters", the name of a slot, or "rows".

        Returns:
            None at all if the set holds no row of the table.

        Raises:
            SetDamagedError: if the index does not know the tensor.
        """
        stored = self.set.manifest.tables[table]
        if stored.stored_rows == 0:
            return []
        try:
            pieces = stored_rows(self.set.tables_prefix, key_of(table, tensor))
        except (ValueError, IndexError, tf.errors.OpError) as error:
            raise SetDamagedError(
                f"{self.set.tables_prefix}.index: {reason_of(error)}"
            ) from error
        held = sum(piece.last - piece.first for piece in pieces)
        if held != stored.stored_rows:
            raise SetDamagedError(
                f"{self.set.tables_prefix}.index: {held:,} rows of '{table}' "
                f"({tensor}), and the manifest says {stored.stored_rows:,}"
            )
        return pieces

    def read(
        self, table: str, tensor: str, piece: StoredRows, first: int, last: int
    ) -> tf.Tensor:
        """Reads rows of a piece on the current device, and checks all of it.

        Args:
            table: the table's name.
            tensor: "parameters", the name of a slot, or "rows".
            piece: from `pieces`.
            first: the first row.
            last: end row, exclusive; both among the piece's.

        Returns:
            float32 [last - first, dim], or int64 [last - first] of "rows". Rows that
            were rounded for an archive are float32 again.

        Raises:
            SetDamagedError: naming file and rows, if the piece is not what was written.
            RuntimeError: if the current device is of a host that does not see the file.
            tf.errors.OpError: if that host is lost.
        """
        held_as = self.set.manifest.rows if tensor == PARAMETERS else "float32"
        if held_as == "float32":
            return self._stored(table, tensor, piece, first, last)
        # The whole piece: TensorFlow cuts no float16.
        whole = self._stored(table, tensor, piece, piece.first, piece.last)
        rows = tf.cast(whole[first - piece.first : last - piece.first], tf.float32)
        if held_as == "int8":
            rows *= self._stored(table, SCALE, piece, first, last)[:, tf.newaxis]
        return rows

    def _stored(
        self, table: str, tensor: str, piece: StoredRows, first: int, last: int
    ) -> tf.Tensor:
        """Reads rows as they are stored."""
        manifest = self.set.manifest
        stored = manifest.tables[table]
        dtype, shape = row_spec(tensor, stored.dim, manifest.rows)
        sizes = " ".join(str(size) for size in (stored.stored_rows, *shape))
        ranges = ":".join([f"{first},{last - first}", *(f"0,{n}" for n in shape)])
        try:
            (rows,) = tf.raw_ops.RestoreV2(
                prefix=self.set.tables_prefix,
                tensor_names=[key_of(table, tensor)],
                shape_and_slices=[f"{sizes} {ranges}"],
                dtypes=[dtype],
            )
        except _LOSS_ERRORS:
            # Says nothing of the file.
            raise
        except tf.errors.OpError as error:
            raise_if_unseen([piece.path], error)
            which = "rows" if manifest.kind == "full" else "stored rows"
            raise SetDamagedError(
                f"{piece.path}: {which} {piece.first} to {piece.last - 1} of '{table}' "
                f"({tensor}) are not what was written: {reason_of(error)}"
            ) from error
        return rows

    def values(self, names: Sequence[str]) -> list[tf.Tensor]:
        """Reads variables that are no tables.

        Args:
            names: their names.

        Raises:
            SetDamagedError: if one cannot be read.
            ValueError: if the set holds others than these.
        """
        held = self.value_dtypes()
        if sorted(held) != sorted(names):
            raise ValueError(
                f"Checkpoint set {self.set.path} holds other variables than this "
                f"training has: {_difference(held, names)}. Restore with the model "
                "that it was written with."
            )
        if not names:
            return []
        try:
            tensors: list[tf.Tensor] = tf.raw_ops.RestoreV2(
                prefix=self.set.values_prefix,
                tensor_names=list(names),
                shape_and_slices=[""] * len(names),
                dtypes=[held[name] for name in names],
            )
        except tf.errors.OpError as error:
            raise SetDamagedError(
                f"{self.set.values_prefix}.data-00000-of-00001: {reason_of(error)}"
            ) from error
        return tensors

    def value_dtypes(self) -> dict[str, tf.DType]:
        """Returns the dtypes of the variables that are no tables, by name."""
        if not Path(f"{self.set.values_prefix}.index").exists():
            return {}
        reader = tf.train.load_checkpoint(self.set.values_prefix)
        return dict(reader.get_variable_to_dtype_map())


def file_faults(checkpoint_set: CheckpointSet) -> list[str]:
    """Returns what is wrong with a set's files, by sizes and digests.

    Data files have no digest: their pieces have checksums.
    """
    path, files = checkpoint_set.path, checkpoint_set.manifest.files
    faults = []
    for name, file in files.items():
        try:
            size = (path / name).stat().st_size
        except OSError:
            faults.append(f"{path / name} is missing")
            continue
        if size != file.bytes:
            faults.append(f"{path / name} has {size:,} bytes, not {file.bytes:,}")
        elif file.sha256 and sha256_of(path / name) != file.sha256:
            faults.append(f"{path / name} has another content than was written")
    there = {entry.name for entry in path.iterdir()}
    added = sorted(
        name for name in there - files.keys() - MARKERS if not name.endswith(".partial")
    )
    return faults + [f"{path / name} does not belong to the set" for name in added]


def sha256_of(path: Path) -> str:
    """Returns the SHA-256 digest of a file."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def _difference(held: Any, names: Sequence[str]) -> str:
    missing = sorted(set(names) - set(held))
    added = sorted(set(held) - set(names))
    parts = [f"it lacks {', '.join(missing)}"] if missing else []
    parts += [f"this training lacks {', '.join(added)}"] if added else []
    return "; ".join(parts)
