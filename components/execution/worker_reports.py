"""The reports of a Beam job's workers to the process that started it, in one file.

Reports go by another way than the data: a runner that loses rows or whole bundles
cannot lose the reports of them in the same way.
"""

import json
import uuid
from collections.abc import Iterable
from typing import Any

import apache_beam as beam
import tensorflow as tf
from apache_beam.pvalue import PCollection

from shardline.components.readers.files.judging.refusals import LostRowsError


class WriteReports(beam.PTransform[Any, Any]):
    """Lines of JSON to one file that holds a list of them."""

    def __init__(self, path: str):
        """Sets where to write.

        Args:
            path: the path of the file.
        """
        super().__init__()
        self._path = path

    def expand(self, reports: PCollection[str]) -> PCollection[None]:
        """Returns nothing that matters; the file is written last."""
        written: PCollection[None] = (
            reports
            | "Together" >> beam.Map(lambda line: ("", line))
            | "All" >> beam.GroupByKey()
            | "Write" >> beam.Map(_write, self._path)
        )
        return written


def read_reports(path: str) -> list[Any]:
    """Returns the reports of all workers, in any order.

    Args:
        path: the path of the file.

    Raises:
        LostRowsError: if there is no file, for the runner has lost what they told.
    """
    if not tf.io.gfile.exists(path):
        raise LostRowsError(
            "The runner ended well and no worker told what it did: it has lost what "
            "they gave."
        )
    with tf.io.gfile.GFile(path) as file:
        reports: list[Any] = json.load(file)
    return reports


def _write(group: tuple[str, Iterable[str]], path: str) -> None:
    _, reports = group
    name = f"{path}.{uuid.uuid4().hex}"
    with tf.io.gfile.GFile(name, "w") as file:
        file.write(json.dumps([json.loads(line) for line in reports]))
    tf.io.gfile.rename(name, path, overwrite=True)
