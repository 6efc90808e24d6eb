"""Makes records of seeded random numbers: gzipped TFRecord files of tf.Example.

As a script it writes the files of one set, unless they are there. A set is drawn and
encoded column by column, so that a million rows take a minute.
"""

import argparse
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import tensorflow as tf
from tfx_bsl.coders.example_coder import RecordBatchToExamplesEncoder

from benchmarks.preprocess.workload import (
    DISTINCT,
    IDS,
    IDS_OF_A_ROW,
    LABEL,
    NUMBERS,
    RAGGED,
    ROW,
    Records,
)

FILES = 4
# Distinct ids to draw from: Criteo's, cut at 50,000. The tail of each is full of ties.
ID_COUNTS = (
    *(3, 4, 10, 15, 18, 24, 27, 105, 305, 583, 633, 1_460, 2_173),
    *(3_194, 5_652, 5_683, 10_131, 12_517, 14_992, 20_000, 26_000, 30_000),
    *(37_000, 41_000, 45_000, 50_000),
)
RAGGED_ID_COUNT = 20_000
_MOST_RAGGED_IDS = 5
_ZIPF = 1.1
_BATCH = 10_000
_SEED = 20_261_122
_HEX = np.frombuffer(b"0123456789abcdef", np.uint8)
_MULTIPLIER = 2_654_435_761  # odd: different numbers stay different


def batches(records: Records, file: int) -> Iterator[pa.RecordBatch]:
    """Yields the rows of one of the set's files, in batches."""
    draw = {"clicks": _clicks, "distinct": _distinct}[records.kind]
    first, end = (records.rows * k // FILES for k in (file, file + 1))
    for start in range(first, end, _BATCH):
        rows = np.arange(start, min(start + _BATCH, end))
        yield draw(rows, np.random.default_rng([_SEED, start]))


def _clicks(rows: np.ndarray, rng: np.random.Generator) -> pa.RecordBatch:
    columns = {
        name: _lists(_tokens(_zipf(rng, size, len(rows)) + k * 100_003))
        for k, (name, size) in enumerate(zip(IDS, ID_COUNTS, strict=True))
    }
    lengths = rng.integers(0, _MOST_RAGGED_IDS + 1, len(rows))
    history = _tokens(_zipf(rng, RAGGED_ID_COUNT, lengths.sum()))
    columns[RAGGED] = _lists(history, lengths)
    for k, name in enumerate(NUMBERS):
        columns[name] = _lists(pa.array(_numbers(rng, k, len(rows))))
    columns[ROW] = _lists(pa.array(rows.astype(np.float32)))
    columns[LABEL] = _lists(pa.array(rng.integers(0, 2, len(rows)).astype(np.float32)))
    return pa.record_batch(columns)


def _distinct(rows: np.ndarray, rng: np.random.Generator) -> pa.RecordBatch:
    ids = rows[:, np.newaxis] * IDS_OF_A_ROW + np.arange(IDS_OF_A_ROW)
    lengths = np.full(len(rows), IDS_OF_A_ROW)
    label = rng.integers(0, 2, len(rows)).astype(np.float32)
    return pa.record_batch(
        {
            DISTINCT: _lists(_tokens(ids.ravel()), lengths),
            LABEL: _lists(pa.array(label)),
        }
    )


def _numbers(rng: np.random.Generator, k: int, count: int) -> np.ndarray:
    """Draws float32 [count]: bell-shaped, waiting times, heavy-tailed, counts, even."""
    drawn = (
        rng.normal(k - 6, 1 + k, count),
        rng.exponential(1 + k, count),
        rng.lognormal(0, 1.5, count),
        rng.poisson(1 + k, count),
        rng.uniform(-1, k, count),
    )[k % 5]
    return drawn.astype(np.float32)


def _zipf(rng: np.random.Generator, size: int, count: int) -> np.ndarray:
    """Draws int64 [count] below `size`; number k is (k + 1)^1.1 times rarer than 0."""
    upper = np.cumsum((np.arange(size) + 1.0) ** -_ZIPF)
    return np.searchsorted(upper, rng.random(count) * upper[-1]).astype(np.int64)


def _tokens(numbers: np.ndarray) -> pa.Array:
    """Returns 8 hexadecimal digits for each number, as Criteo's ids are written."""
    mixed = (numbers.astype(np.uint64) * _MULTIPLIER) % 2**32
    digits = _HEX[
        (mixed[:, np.newaxis] >> np.arange(28, -4, -4).astype(np.uint64)) & 15
    ]
    offsets = np.arange(len(numbers) + 1, dtype=np.int64) * digits.shape[1]
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(digits.tobytes())]
    return pa.Array.from_buffers(pa.large_binary(), len(numbers), buffers)


def _lists(values: pa.Array, lengths: np.ndarray | None = None) -> pa.Array:
    """Returns one list a row; of one value each without lengths."""
    if lengths is None:
        offsets = np.arange(len(values) + 1, dtype=np.int64)
    else:
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return pa.LargeListArray.from_arrays(offsets, values)


def write(records: Records) -> Path:
    """Writes a set; under another name until it is complete. Returns its folder."""
    if records.folder.exists():
        return records.folder
    unfinished = records.folder.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    encoder = RecordBatchToExamplesEncoder()
    fast = tf.io.TFRecordOptions(compression_type="GZIP", compression_level=1)
    for file in range(FILES):
        path = unfinished / f"part-{file}.tfrecord.gz"
        with tf.io.TFRecordWriter(str(path), fast) as writer:
            for batch in batches(records, file):
                for example in encoder.encode(batch):
                    writer.write(example)
    unfinished.rename(records.folder)
    return records.folder


def main() -> None:
    """Writes a set."""
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=["clicks", "distinct"])
    parser.add_argument("rows", type=int)
    write(Records(**vars(parser.parse_args())))


if __name__ == "__main__":
    main()
