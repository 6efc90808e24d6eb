"""The chief of a test cluster, which trains a span as the Trainer does.

Run by `runpy` with TF_CONFIG, which it leaves to the configuration, and CONNECTION,
from which it takes a run of `span_runs` and to which it answers (True, None) or
(False, error).
"""

import runpy
import tempfile
from pathlib import Path
from typing import Any

SpanRun = runpy.run_path(str(Path(__file__).parents[1] / "span_runs.py"))["SpanRun"]


def train(folder: Any, features: Any, tokens: Any, **arguments: Any) -> None:
    run = object.__new__(SpanRun)  # its inputs are written
    run.folder, run.features, run.tokens = folder, features, tokens
    run.train(**arguments)


_, given = CONNECTION.recv()  # noqa: F821
tempfile.tempdir = str(given["outputs"])  # it is killed, and TensorFlow leaves files
try:
    train(**given)
    reply = True, None
except Exception as error:  # told to the test
    reply = False, error
CONNECTION.send(reply)  # noqa: F821
