"""TensorBoard's event files of a training that may be killed and go on.

They are written in the work folder. A training that goes on leaves out the events of
steps that it will run again, and what a kill left half written.
"""

from collections.abc import Iterator
from pathlib import Path

import tensorflow as tf


def keep_until(folder: Path, step: int) -> None:
    """Drops the events of later steps.

    Args:
        folder: of event files; need not be there.
        step: the last step whose events stay.
    """
    for path in sorted(folder.glob("events.*")):
        partial = folder / f"partial.{path.name}"
        with tf.io.TFRecordWriter(str(partial)) as writer:
            for record in _whole_records(path):
                event = tf.compat.v1.Event.FromString(record)
                if event.step <= step:
                    writer.write(record)
        partial.replace(path)
    for partial in folder.glob("partial.*"):
        partial.unlink()


def drop_all(folder: str) -> None:
    """Removes a folder of event files, which an attempt that was lost has left.

    Args:
        folder: its location; need not be there.
    """
    if tf.io.gfile.exists(folder):
        tf.io.gfile.rmtree(folder)


def _whole_records(path: Path) -> Iterator[bytes]:
    try:
        yield from tf.data.TFRecordDataset(str(path)).as_numpy_iterator()
    except tf.errors.DataLossError:
        return  # a kill cut the last one short
