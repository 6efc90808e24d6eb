"""A small job before the large ones, which tells whether workers are fit.

They must begin, run this project, and share the folder of the output.

Engines wait for ever for workers that end as they begin, and a job whose workers write
to folders of their own ends well, without outputs here.
"""

import json
import os
import platform
import socket
import time
import uuid

import apache_beam as beam
import tensorflow as tf

from shardline.components.execution.beam_engines.errors import BeamEngineError
from shardline.components.execution.beam_engines.job_code import PREPROCESSING, job_code
from shardline.components.execution.beam_engines.watch import wait_watching
from shardline.components.execution.worker_reports import WriteReports, read_reports
from shardline.components.readers.files.judging.refusals import LostRowsError

# An engine may have to start machines first.
LIMIT_S = 600.0
_LOOKS = 8


def check_engine(
    pipeline: beam.Pipeline,
    folder: str,
    jobs: str = PREPROCESSING,
    *,
    limit_s: float = LIMIT_S,
) -> None:
    """Runs a job that tells what its workers are.

    Args:
        pipeline: a new one, of the engine.
        folder: that of the output, which is there.
        jobs: the module that makes the jobs to come.
        limit_s: how long the job may take, in seconds.

    Raises:
        BeamEngineError: if it has not ended by then, a worker cannot run this project,
            or does not see the folder.
    """
    mark = os.path.join(folder, f".mark-{uuid.uuid4().hex}")
    with tf.io.gfile.GFile(mark, "w") as file:
        file.write("")
    _ = (
        pipeline
        | "Begin" >> beam.Create(range(_LOOKS))
        | beam.Reshuffle()
        | "Look" >> beam.Map(_look, mark, jobs)
        | "Tell" >> WriteReports(f"{mark}.json")
    )
    _run(pipeline, limit_s)
    try:
        looks = read_reports(f"{mark}.json")
    except LostRowsError:
        looks = []
    blind = sorted(look["host"] for look in looks if not look["sees"])
    if blind or not looks:
        raise BeamEngineError(
            f"{blind[0] if blind else 'A worker'} does not see {folder}. Name an "
            "output that this process and all workers reach by the same path: on a "
            "shared disk, or in an object store."
        )
    for look in looks:
        for name, here in _of_process(jobs).items():
            if look[name] != here:
                raise BeamEngineError(
                    f"{look['host']} has {name} {look[name]}, and here it is {here}. "
                    "Let workers run in a copy of this environment."
                )
    for name in (mark, f"{mark}.json"):
        tf.io.gfile.remove(name)


def _look(_: int, mark: str, jobs: str) -> str:
    """Tells, on a worker, where it is and what it sees."""
    sees = tf.io.gfile.exists(mark)
    return json.dumps(_of_process(jobs) | {"host": socket.gethostname(), "sees": sees})


def _of_process(jobs: str = PREPROCESSING) -> dict[str, str]:
    """Returns what must be the same here and on workers, by its name."""
    return {"Python": platform.python_version(), "code of this project": job_code(jobs)}


def _run(pipeline: beam.Pipeline, limit_s: float) -> None:
    """Runs a pipeline for so long at most.

    Raises:
        BeamEngineError: if it has not ended by then.
    """
    result = pipeline.run()
    end = time.monotonic() + limit_s

    def look() -> None:
        if time.monotonic() > end:
            raise BeamEngineError(
                f"No worker has done anything in {limit_s:.0f} s. Workers that end as "
                "they begin are often not seen by an engine: look at their logs, and "
                "at that of what starts them."
            )

    wait_watching(result.wait_until_finish, look, result.cancel)
