"""Waits for a job that may never end, because what runs it has lost a worker unseen."""

import argparse
import contextlib
import dataclasses
import os
import threading
import time
from collections.abc import Callable
from typing import TypeVar

import apache_beam as beam
import tensorflow as tf
from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions

from shardline.components.execution.beam_engines.errors import BeamEngineError
from shardline.components.execution.beam_runners import Beam
from shardline.components.execution.import_closure import PROJECT

_Ended = TypeVar("_Ended")
_LOOK_S = 1.0
STILL_S = 3600.0
_LISTED_EVERY_S = 60.0
# How long the end of a job that is given up is waited for.
_ENDS_WITHIN_S = 10.0


class WatchOptions(PipelineOptions):
    """What a runner is told about the job: where it writes, and its time limit.

    The folder is not told by the user.
    """

    @classmethod
    def _add_argparse_args(cls, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--watched_folder", default=None)
        parser.add_argument(
            "--still_limit_s",
            type=float,
            default=STILL_S,
            help="For how long, in seconds, a job may write nothing before it is "
            "given up.",
        )


def watching(runner: Beam, folder: str) -> Beam:
    """Returns a runner that is told where its jobs write.

    Beam's own do not ask, and pass options to job servers that do not know them.

    Args:
        runner: to begin with.
        folder: of which Dask's workers are asked whether they see it, and which may
            not stand still for long while a job server runs a job.
    """

    def pipeline() -> beam.Pipeline:
        made = runner.pipeline()
        named = made.options.view_as(StandardOptions).runner or ""
        if named.partition(".")[0] == PROJECT:
            made.options.view_as(WatchOptions).watched_folder = folder
        return made

    return dataclasses.replace(runner, pipeline=pipeline)


def wait_watching(
    wait: Callable[[], _Ended], look: Callable[[], None], cancel: Callable[[], None]
) -> _Ended:
    """Waits for a job, and looks every second whether it makes sense to go on.

    A job that is given up, or whose wait is interrupted, is cancelled first: its
    workers would go on in a folder that is about to be removed.

    Args:
        wait: returns, or raises, when the job is over.
        look: raises if it is time to give up.
        cancel: tells the engine to end the job.

    Returns:
        What `wait` returned.

    Raises:
        BaseException: what either of the two raises.
    """
    ended: list[_Ended] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            ended.append(wait())
        except BaseException as error:
            failed.append(error)

    waiting = threading.Thread(target=run, daemon=True)
    waiting.start()
    try:
        while waiting.is_alive():
            waiting.join(_LOOK_S)
            if waiting.is_alive():
                look()
    except BaseException:
        _cancel(cancel, waiting)
        raise
    if failed:
        raise failed[0]
    return ended[0]


def _cancel(cancel: Callable[[], None], waiting: threading.Thread) -> None:
    """Cancels a job and waits for its end; not for ever, for its engine may hang."""

    def run() -> None:
        with contextlib.suppress(Exception):
            cancel()

    cancelling = threading.Thread(target=run, daemon=True)
    cancelling.start()
    cancelling.join(_ENDS_WITHIN_S)
    waiting.join(_ENDS_WITHIN_S)


class Stillness:
    """Tells when nothing has changed in a folder for too long."""

    def __init__(self, folder: str, limit_s: float = STILL_S) -> None:
        """Begins to watch.

        Args:
            folder: with all below it.
            limit_s: how long nothing may change, in seconds.
        """
        self._folder = folder
        self._limit_s = limit_s
        self._seen: dict[str, int] = {}
        self._changed = self._listed = time.monotonic()

    def check(self) -> None:
        """Looks at the folder, but not more often than every minute.

        Raises:
            BeamEngineError: if nothing has changed for too long.
        """
        now = time.monotonic()
        if now - self._listed < min(_LISTED_EVERY_S, self._limit_s):
            return
        self._listed = now
        if (sizes := _sizes(self._folder)) != self._seen:
            self._seen, self._changed = sizes, now
        elif now - self._changed > self._limit_s:
            raise BeamEngineError(
                f"No worker has written anything to {self._folder} for "
                f"{self._limit_s / 60:.0f} minutes (--still_limit_s): one that is gone "
                "may hold the job, unseen by the engine. Look at the workers' logs and "
                "run again; with a higher limit if steps take that long."
            )


def _sizes(folder: str) -> dict[str, int]:
    """Returns the sizes of all files; of one that goes meanwhile, -1."""
    sizes = {}
    for place, _, names in tf.io.gfile.walk(folder):
        for name in names:
            path = os.path.join(place, name)
            try:
                sizes[path] = tf.io.gfile.stat(path).length
            except tf.errors.OpError:
                sizes[path] = -1
    return sizes
