"""A cut: the state of all tables at one moment, until a checkpoint set holds it."""

import dataclasses
import os
from typing import Protocol

PARAMETERS = "parameters"
# Which rows a differential set holds: int64 [stored rows].
ROWS = "rows"


@dataclasses.dataclass(frozen=True)
class Piece:
    """Rows of a tensor that lie in one piece in a host's data file.

    Attributes:
        table: name of the table.
        tensor: "parameters", the name of a slot, or "rows", the numbers of the rows
            in a differential set.
        first: the first row: of the table in a full set; in a differential set the
            position among the rows that this host stores of the table.
        count: how many rows.
        offset: where in the file they begin, in bytes.
        bytes: their size.
        masked_crc32c: of the bytes, as TensorFlow masks it.
    """

    table: str
    tensor: str
    first: int
    count: int
    offset: int
    bytes: int
    masked_crc32c: int


class Cut(Protocol):
    """What a checkpoint set is to hold of the tables.

    Attributes:
        rows: by table, how many rows are to be stored.
        in_pause: whether all hosts must be written before training goes on.
    """

    rows: dict[str, int]
    in_pause: bool

    def write(self, host: int, path: str) -> list[Piece]:
        """Writes one host's rows to a new file, on that host; durable when it returns.

        For a thread in the background; hosts may be written at the same time. The
        pieces follow each other in the file without gaps. float32 [count, dim], and
        int64 [count] for "rows".

        Args:
            host: the host, by its position in the engine's hosts.
            path: the file, in a folder that the host and this process share.

        Raises:
            tf.errors.OpError: on what the host's disk says; the message has the path.
            OSError: likewise, of this process.
        """

    def end(self, succeeded: bool) -> None:
        """Ends the cut; call it once, whatever happened.

        Args:
            succeeded: whether the set holds the cut. If not, its rows count as touched
                again.
        """


def write_no_rows(path: str) -> list[Piece]:
    """Writes the file of a host without rows, durably.

    Args:
        path: the file.
    """
    with open(path, "wb") as file:
        os.fsync(file.fileno())
    return []
