"""The files of a table in a LivingVocabulary artifact, written and checked."""

import hashlib
import os
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from shardline.components.contracts.living_state import (
    VocabularyError,
    changes_file,
    open_file,
    state_bytes,
    state_file,
    tokens_file,
)
from shardline.components.contracts.living_vocabulary import FREE_LINE, TableChanges
from shardline.components.features.living.update import Before, Update

_LINES_AT_ONCE = 1 << 20
_BLOCK_BYTES = 1 << 20


def write_table(
    folder: str, table: str, before: Before, update: Update, columns: Sequence[str]
) -> TableChanges:
    """Writes the three files of a table.

    Args:
        folder: where to; it is there.
        table: its name.
        before: its vocabulary before the update.
        update: what became of it.
        columns: the raw columns that its tokens come from.

    Raises:
        VocabularyError: if two lines of its tokens are equal.
    """
    digest = write_tokens(folder, table, update.state, update.capacity)
    state_digest = write_state(folder, table, update.state)
    with open_file(os.path.join(folder, changes_file(table)), "wb") as file:
        file.write(_changes_csv(update))
    live = update.kept + update.admitted.num_rows
    return TableChanges(
        capacity=update.capacity,
        capacity_before=before.capacity,
        live=live,
        admitted=update.admitted.num_rows,
        evicted=update.evicted.num_rows,
        kept=update.kept,
        moved=update.moved,
        waiting=update.state.num_rows - live,
        free=update.capacity - live,
        digest=digest,
        state_digest=state_digest,
        columns=tuple(columns),
    )


def write_tokens(folder: str, table: str, state: pa.Table, capacity: int) -> str:
    """Writes the file that TensorFlow looks tokens up in: line r is of row r.

    Args:
        folder: where to; it is there.
        table: its name.
        state: its tokens, columns as in `STATE_SCHEMA`; candidates are left out.
        capacity: how many lines the file has.

    Returns:
        SHA-256 of the file.

    Raises:
        VocabularyError: if two lines are equal.
    """
    lines = lines_of(state, capacity)
    if (distinct := pc.count_distinct(lines).as_py()) != capacity:
        raise VocabularyError(
            f"Table `{table}`: {distinct:,} of the {capacity:,} lines of its tokens "
            "are distinct, and all must be. Report this."
        )
    digest = hashlib.sha256()
    with open_file(os.path.join(folder, tokens_file(table)), "wb") as file:
        for start in range(0, capacity, _LINES_AT_ONCE):
            some = lines.slice(start, _LINES_AT_ONCE).cast(pa.binary())
            whole = pa.ListArray.from_arrays([0, len(some)], some)
            block = pc.binary_join(whole, b"\n")[0].as_py() + b"\n"
            digest.update(block)
            file.write(block)
    return digest.hexdigest()


def write_state(folder: str, table: str, state: pa.Table) -> str:
    """Writes a table's tokens with their rows and counts.

    Args:
        folder: where to; it is there.
        table: its name.
        state: columns as in `STATE_SCHEMA`.

    Returns:
        SHA-256 of the file.
    """
    content = state_bytes(state)
    with open_file(os.path.join(folder, state_file(table)), "wb") as file:
        file.write(content)
    return hashlib.sha256(content).hexdigest()


def lines_of(state: pa.Table, capacity: int) -> pa.Array:
    """Returns the line of each row: its token, or one that no token can be.

    Args:
        state: columns as in `STATE_SCHEMA`.
        capacity: how many rows there are.

    Returns:
        large_binary [capacity].
    """
    live = state.filter(pc.greater_equal(state.column("row"), 0)).combine_chunks()
    rows = live.column("row").to_numpy()
    is_free = np.ones(capacity, bool)
    is_free[rows] = False
    free = np.flatnonzero(is_free)
    numbers = pa.array(free).cast(pa.large_string()).cast(pa.large_binary())
    prefix = pa.scalar(FREE_LINE.encode(), pa.large_binary())
    nothing = pa.scalar(b"", pa.large_binary())
    lines = pa.concat_arrays(
        [
            *live.column("token").chunks,
            pc.binary_join_element_wise(prefix, numbers, nothing),
        ]
    )
    return lines.take(pa.array(np.argsort(np.concatenate([rows, free]))))


def check_table(folder: str, table: str, changes: TableChanges) -> None:
    """Checks the files of a table against what the artifact says of them.

    Args:
        folder: where they are.
        table: its name.
        changes: what the artifact says.

    Raises:
        VocabularyError: if one is gone, or is not what it was.
    """
    remedy = "Bring the file back, or go on from another run's vocabularies."
    for name, expected in (
        (tokens_file(table), changes.digest),
        (state_file(table), changes.state_digest),
    ):
        path = os.path.join(folder, name)
        digest, lines = hashlib.sha256(), 0
        try:
            for block in _blocks(path):
                digest.update(block)
                lines += block.count(b"\n")
        except FileNotFoundError as error:
            raise VocabularyError(f"{path} is gone. {remedy}") from error
        if digest.hexdigest() != expected:
            raise VocabularyError(
                f"{path} is damaged: its SHA-256 is {digest.hexdigest()[:12]}... and "
                f"was {expected[:12]}.... {remedy}"
            )
        if name == tokens_file(table) and lines != changes.capacity:
            raise VocabularyError(
                f"{path} has {lines:,} lines for {changes.capacity:,} rows. {remedy}"
            )


def _blocks(path: str) -> Iterator[bytes]:
    with open_file(path) as file:
        while block := file.read(_BLOCK_BYTES):
            yield block


def _changes_csv(update: Update) -> bytes:
    """Returns what came and went, a line each; bytes that are no UTF-8 as escapes."""
    parts = [
        pa.table(
            {
                "change": pa.array([change] * some.num_rows, pa.string()),
                "row": some.column("row"),
                "token": _readable(some.column("token")),
                "count": pc.round(some.column("count"), ndigits=3),
            }
        )
        for change, some in (("admitted", update.admitted), ("evicted", update.evicted))
    ]
    sink = pa.BufferOutputStream()
    options = pyarrow.csv.WriteOptions(quoting_style="needed")
    pyarrow.csv.write_csv(pa.concat_tables(parts), sink, options)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def _readable(tokens: pa.ChunkedArray) -> pa.ChunkedArray:
    try:
        return tokens.cast(pa.large_string())
    except pa.ArrowInvalid:
        words = [
            token.decode(errors="backslashreplace") for token in tokens.to_pylist()
        ]
        return pa.chunked_array([pa.array(words, pa.large_string())])
