"""Which host holds which row: contiguous ranges, as TPU embedding tables are laid out.

Host h of H holds rows // H rows, and one more when h < rows % H. A table with fewer
rows than hosts lies on the first `rows` hosts, one row each: no host holds an empty
range. Pure integer functions; no tensor is kept here.
"""

import itertools
from collections.abc import Iterator

import tensorflow as tf


def rows_per_host(rows: int, hosts: int) -> list[int]:
    """Returns how many rows each host holds, empty hosts left out.

    Args:
        rows: rows of the table, at least 1.
        hosts: number of hosts, at least 1.

    Raises:
        ValueError: if either number is below 1.
    """
    if rows < 1 or hosts < 1:
        raise ValueError(
            f"A table of {rows} rows cannot be split over {hosts} hosts: "
            "both must be at least 1."
        )
    base, remainder = divmod(rows, hosts)
    sizes = [base + (host < remainder) for host in range(hosts)]
    return [size for size in sizes if size]


def first_rows(rows: int, hosts: int) -> list[int]:
    """Returns the first row of each host's range, empty hosts left out."""
    return list(itertools.accumulate(rows_per_host(rows, hosts)[:-1], initial=0))


def row_ranges(rows: int, hosts: int) -> list[tuple[int, int]]:
    """Returns each host's (first row, end row), empty hosts left out."""
    return list(itertools.pairwise([*first_rows(rows, hosts), rows]))


def aligned_blocks(start: int, stop: int, block_rows: int) -> Iterator[tuple[int, int]]:
    """Cuts the rows [start, stop) at the multiples of `block_rows`.

    Two hosts that share a block cut the rest of the table at the same rows.

    Yields:
        (first row, end row) of each piece, ascending, none empty.
    """
    while start < stop:
        end = min(stop, (start // block_rows + 1) * block_rows)
        yield start, end
        start = end


def hosts_of_rows(row_ids: tf.Tensor, starts: list[int]) -> tf.Tensor:
    """Returns the host of each row.

    Args:
        row_ids: int64 [n], each in [0, rows of the table).
        starts: the first row of each host's range, from `first_rows`.

    Returns:
        int32 [n], host indices.
    """
    boundaries = tf.constant(starts[1:], tf.int64)
    return tf.searchsorted(boundaries, row_ids, side="right")
