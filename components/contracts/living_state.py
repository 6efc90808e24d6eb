"""The tokens of a living vocabulary with their rows and counts, as Arrow and on disk.

Neither TensorFlow nor TFX is imported for local files.
"""

import io
import posixpath
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from shardline.components.contracts.text_file import TextFileError
from shardline.components.remote.files import open_remote
from shardline.configs.locations import is_remote

# `row` is -1 for candidates, which have none. `count` is what decay left of it, and
# `last_seen` the number of the last counted span that a token was in, from 1 on.
STATE_SCHEMA = pa.schema(
    [
        ("token", pa.large_binary()),
        ("row", pa.int64()),
        ("count", pa.float64()),
        ("last_seen", pa.int64()),
    ]
)
NO_ROW = -1


class VocabularyError(TextFileError):
    """A living vocabulary that cannot be gone on from."""


def tokens_file(table: str) -> str:
    """Returns the name of a table's file with a token, or a free row, on each line."""
    return table


def state_file(table: str) -> str:
    """Returns the name of a table's file of tokens, rows and counts."""
    return f"{table}.tokens.parquet"


def changes_file(table: str) -> str:
    """Returns the name of a table's file of what came and went."""
    return f"{table}.changes.csv"


def state_bytes(state: pa.Table) -> bytes:
    """Returns what `write_state` writes: equal bytes for equal tokens."""
    sink = io.BytesIO()
    pq.write_table(state.cast(STATE_SCHEMA), sink, compression="zstd")
    return sink.getvalue()


def read_state(folder: str, table: str) -> pa.Table:
    """Reads the tokens of a table: those with a row by their rows, then candidates.

    Args:
        folder: of a LivingVocabulary artifact.
        table: its name.

    Returns:
        Columns as in `STATE_SCHEMA`.

    Raises:
        FileNotFoundError: if there is none.
        VocabularyError: if it is damaged.
    """
    path = posixpath.join(folder, state_file(table))
    with open_file(path) as file:
        content = file.read()
    try:
        # Other settings abort at the exit of the interpreter, in pyarrow 18.
        state = pq.read_table(pa.BufferReader(content), pre_buffer=False,
                              use_threads=False)  # fmt: skip
        return state.cast(STATE_SCHEMA).combine_chunks()
    except (pa.ArrowInvalid, pa.ArrowTypeError, OSError, ValueError) as error:
        raise VocabularyError(
            f"{path} is damaged: {str(error).splitlines()[0]}. Bring the file back, or "
            "go on from another run's vocabularies."
        ) from error


def open_file(path: str, mode: str = "rb") -> IO[Any]:
    """Opens a file that is local or in an object store.

    Raises:
        FileNotFoundError: if it is to be read and not there.
    """
    return open_remote(path, mode) if is_remote(path) else open(path, mode)
