"""The first rows of files, whatever their columns hold."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pyarrow as pa

from components.files.bad_input import BadInputError, FileFault
from components.files.column_names import columns_shown
from components.files.csv_cells import header_of, parsed
from components.files.csv_text import row_chunks
from components.files.message_types import feature_lists, is_example
from components.files.parquet import parquet_file
from components.files.rules import ReadRules
from components.files.streams import byte_stream
from components.files.tf_examples import as_found
from components.files.tfrecord import record_batches


def sample(files: Sequence[str], rules: ReadRules, rows: int) -> pa.RecordBatch:
    """Returns the first rows of the first file that has any.

    Nothing is asked of the columns: all that are there come, in the types of the file.
    CSV has binary cells, empty where a value is missing; tf.Examples have lists.

    Args:
        files: As `match` gives them.
        rules: Only the format is used.
        rows: The most rows.

    Raises:
        BadInputError: A file cannot be read, or none holds a row.
    """
    for file in files:
        try:
            batch = _SAMPLES[rules.format](file, rows)
        except FileFault as fault:
            raise BadInputError(f"{file}: {fault}") from fault
        if batch is not None and batch.num_rows:
            return batch.slice(0, rows)
    raise BadInputError(
        f"{', '.join(files[:3])}{' ...' if len(files) > 3 else ''}: no row that can be "
        "read. Correct `data.files`, or write the files again."
    )


def _of_tfrecord(file: str, rows: int) -> pa.RecordBatch | None:
    with byte_stream(file) as stream:
        records = next(record_batches(stream, rows), None)
    if not records:
        return None
    if not is_example(records[0]) and (lists := feature_lists(records[0])) is not None:
        raise FileFault(
            "holds tf.SequenceExamples, expected tf.Examples: the feature lists of the "
            f"first are {columns_shown(lists)}. Write tf.train.Example, with a feature "
            "for each feature list, and one for each feature of the context."
        )
    return as_found(records)


def _of_csv(file: str, rows: int) -> pa.RecordBatch | None:
    with byte_stream(file) as stream:
        _, text = next(row_chunks(stream), (1, b""))
    line, _, rest = text.partition(b"\n")
    header = header_of(line, [])
    if not rest.strip():
        return None
    once = [name for name in header if header.count(name) == 1]
    return _first(parsed(rest, header, once, []), rows)


def _of_parquet(file: str, rows: int) -> pa.RecordBatch | None:
    with parquet_file(file) as opened_file:
        batches = opened_file.iter_batches(batch_size=rows, use_threads=False)
        return next(batches, None)


def _first(table: pa.Table, rows: int) -> pa.RecordBatch | None:
    batches = table.slice(0, rows).combine_chunks().to_batches()
    return batches[0] if batches else None


_SAMPLES: dict[str, Callable[[str, int], pa.RecordBatch | None]] = {
    "tfrecord": _of_tfrecord,
    "csv": _of_csv,
    "parquet": _of_parquet,
}
