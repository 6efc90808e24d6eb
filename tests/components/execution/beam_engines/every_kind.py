"""A job with every kind of feature and number, and what it writes."""

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apache_beam as beam
import tensorflow as tf
from apache_beam.transforms import ptransform
from shardline_tests import load

from shardline.components.execution.beam_runners import Beam
from shardline.components.features.reading.sources import Examples, Source
from shardline.components.features.standalone import preprocess_standalone
from shardline.components.readers.files import tfrecord_settings
from shardline.components.readers.files.read_settings import pairs_of

kinds = load("components/features/kinds.py")
FILES = 6
ROWS = 4 * FILES


def preprocess_every_kind(folder: Path, runner: Beam) -> dict[str, Any]:
    """Runs the job, with data and output in a folder; returns what it wrote."""
    data = folder / "data"
    data.mkdir(parents=True)
    for number in range(FILES):
        with tf.io.TFRecordWriter(str(data / f"{number}.tfrecord")) as file:
            # Other rows in each file, so that none stands for another one.
            for row in kinds.rows_of(unseen=False):
                file.write(kinds.serialized(row | {"label": float(number)}))
    files = tuple(sorted(map(str, data.iterdir())))
    settings = tfrecord_settings(kinds.COLUMNS, pairs_of(kinds.FEATURES, kinds.COLUMNS))
    report = preprocess_standalone(
        Examples((Source("train", files),), settings),
        kinds.FEATURES.preprocessing(kinds.TARGET),
        runner,
        output=str(folder / "output"),
        file_formats=["tfrecord", "parquet"],
    )
    written = what_was_written(folder / "output")
    sums = {Path(file).name: told for file, told in report.sums.files.items()}
    return written | {"sums": sums, "values": report.sums.values}


def what_was_written(output: Path) -> dict[str, Any]:
    """Returns what must not depend on a runner: examples in any order, files as bytes.

    TensorFlow serializes the columns of an example, and a graph, in an order of chance.
    """
    parquet = {file.name: file.read_bytes() for file in output.glob("parquet/*/*")}
    graph = output / "transform_graph"
    assets = {file.name: file.read_bytes() for file in graph.glob("*/assets/*")}
    facts = (graph / "facts.json").read_bytes()
    names = sorted(str(file.relative_to(output)) for file in output.rglob("*"))
    return {
        "names": names,
        "examples": _examples(output),
        "parquet": parquet,
        "vocabularies": assets,
        "facts": facts,
    }


def _examples(output: Path) -> Counter[bytes]:
    files = sorted(map(str, output.glob("examples/*/*")))
    return Counter(
        tf.train.Example.FromString(record).SerializeToString(deterministic=True)
        for record in tf.data.TFRecordDataset(files, "GZIP").as_numpy_iterator()
    )


@dataclass
class Killing:
    """Pipelines with a step behind some others that kills the worker it runs in.

    Attributes:
        pipeline: makes a pipeline.
        steps: the labels of the steps before.
        marks: a folder, where each step leaves a file before it kills; it does so once.
    """

    pipeline: Callable[[], beam.Pipeline]
    steps: Collection[str]
    marks: Path

    def __call__(self) -> beam.Pipeline:
        """Makes a pipeline that kills the first worker that gets so far."""
        pipeline = self.pipeline()
        apply, marks, steps = pipeline.apply, str(self.marks), self.steps

        # Inside, so that it is sent as it stands: workers do not have this module.
        def die_once(element: Any, step: str) -> Any:
            import contextlib
            import os
            import signal

            with contextlib.suppress(FileExistsError):
                os.mkdir(os.path.join(marks, step))
                os.kill(os.getpid(), signal.SIGKILL)
            return element

        def applied(transform: Any, pvalueish: Any = None, label: Any = None) -> Any:
            given = apply(transform, pvalueish, label)
            # Beam calls this again for the same step until it has its label.
            step = "" if label else getattr(transform, "label", "")
            is_last = not isinstance(transform, ptransform._NamedPTransform)
            if step not in steps or not is_last:
                return given
            return given | f"Die behind {step}" >> beam.Map(die_once, step)

        pipeline.apply = applied  # type: ignore[method-assign]
        return pipeline
