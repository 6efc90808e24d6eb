"""Asks the model alone for ready batches, on all cores, and tells what it took.

python -m benchmarks.scoring.programs.roof CONFIG RUN ROWS

Nothing is read or written meanwhile: each thread asks for batches that lie in memory.
"""

import json
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from tfx_bsl.coders.example_coder import RecordBatchToExamplesEncoder

from shardline.components.machine.cores import usable_cores
from shardline.components.readers.files import Unit, read_unit
from shardline.components.scorer.inputs import examples_to_score
from shardline.components.scorer.model_inputs import ModelInputs
from shardline.components.server.model import LoadedVersion
from shardline.configs import load_job

_BATCHES = 60


def main() -> int:
    """Measures, tells, and returns the exit code."""
    config, run, rows = map(Path, sys.argv[1:])
    job = load_job(config)
    examples = examples_to_score(job, [f"{rows}/train.csv"], [])
    (source,) = examples.sources
    settings = examples.settings
    read = read_unit(Unit(source.files[0]), settings, settings.new_bad_input())
    batches = [batch for _, (_, batch) in zip(range(_BATCHES), read, strict=False)]
    version = max((run / "serving").glob("[0-9]*"), key=lambda path: int(path.name))
    model = LoadedVersion(version, int(version.name))
    columns, serialized = model.signature("columns"), model.signature("")
    inputs = ModelInputs(job, columns.inputs)
    encoder = RecordBatchToExamplesEncoder()
    count = sum(batch.num_rows for batch in batches)
    said = {
        "columns": _seconds(columns.run, [inputs.arrays(b) for b in batches]) / count,
        "serving_default": _seconds(
            serialized.run,
            [{"examples": np.array(encoder.encode(b), object)} for b in batches],
        )
        / count,
    }
    print(json.dumps({"s_of_a_row": said, "versions": {}}))
    return 0


def _seconds(ask: Callable[[Any], Any], ready: Sequence[Any]) -> float:
    """Returns how long all batches take, on all cores."""
    with ThreadPoolExecutor(usable_cores()) as pool:
        list(pool.map(ask, ready[: usable_cores()]))  # to warm up
        began_s = time.monotonic()
        list(pool.map(ask, ready))
        return time.monotonic() - began_s


if __name__ == "__main__":
    sys.exit(main())
