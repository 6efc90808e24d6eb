"""The tokens of vocabularies, row by row, as Arrow arrays.

A token keeps its line break here: to tell tokens apart it is as good, and nothing is
copied.
"""

import hashlib

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import tensorflow as tf

from shardline.components.contracts.living_vocabulary import FREE_LINE

# Begins the line of a free row, and that of a vocabulary without tokens.
_NO_TOKEN = FREE_LINE.partition(" ")[0]


class Tokens:
    """A vocabulary: line r is the token of row r, or that of a free row.

    Attributes:
        lines: large_binary [rows], each with its line break.
        digest: SHA-256 of the file.
    """

    def __init__(self, content: bytes):
        """Takes the content of a vocabulary's file."""
        self.digest = hashlib.sha256(content).hexdigest()
        if content and not content.endswith(b"\n"):
            content += b"\n"
        ends = np.flatnonzero(np.frombuffer(content, np.uint8) == ord("\n")) + 1
        offsets = np.concatenate([[0], ends]).astype(np.int64)
        self.lines = pa.LargeBinaryArray.from_buffers(
            pa.large_binary(),
            len(ends),
            [None, pa.py_buffer(offsets), pa.py_buffer(content)],
        )

    def __len__(self) -> int:
        """Returns how many rows there are, free ones too."""
        return len(self.lines)

    @property
    def is_free(self) -> np.ndarray:
        """Which rows no token has: bool [rows]."""
        return _numpy(pc.starts_with(self.lines, _NO_TOKEN))

    def at(self, rows: np.ndarray) -> pa.Array:
        """Returns the tokens of rows, without line breaks: large_binary [n]."""
        some = self.lines.take(pa.array(rows))
        return pc.binary_slice(some, 0, -1)

    def places_in(self, other: "Tokens") -> np.ndarray:
        """Returns the row of each token in another vocabulary: int64 [rows], or -1.

        Most tokens are in the same row of both, and are not searched for.
        """
        places = np.full(len(self), -1, np.int64)
        taken = np.zeros(len(other), bool)
        both = min(len(self), len(other))
        same = _numpy(pc.equal(self.lines[:both], other.lines[:both]))
        places[:both][same] = np.flatnonzero(same)
        taken[:both] = same
        mine = np.flatnonzero((places < 0) & ~self.is_free)
        theirs = np.flatnonzero(~taken & ~other.is_free)
        found = pc.index_in(
            self.lines.take(pa.array(mine)),
            value_set=other.lines.take(pa.array(theirs)),
        )
        at = pc.fill_null(found, -1).to_numpy(zero_copy_only=False)
        places[mine[at >= 0]] = theirs[at[at >= 0]]
        places[self.is_free] = -1
        return places


def read_tokens(path: str) -> Tokens:
    """Reads the file of a vocabulary.

    Args:
        path: local, or in an object store.

    Raises:
        tf.errors.NotFoundError: if there is none.
    """
    with tf.io.gfile.GFile(path, "rb") as file:
        return Tokens(file.read())


def _numpy(flags: pa.Array) -> np.ndarray:
    values: np.ndarray = flags.to_numpy(zero_copy_only=False)
    return values
