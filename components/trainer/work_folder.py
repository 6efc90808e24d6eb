"""The folder in which a training keeps what it needs to go on after a kill.

TFX gives each try of a component new output folders, so this one is the project's own.
Its name is a digest of all that decides what is learnt: a training with equal inputs,
settings and code finds the sets of the one before, and another finds none. Where it
runs is not in the name: what was killed on hosts goes on on a TPU. But what has ended
on the one is no answer to whoever asks the other, so its sets are not taken over.
"""

import contextlib
import hashlib
import json
import logging
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import tensorflow as tf

from shardline.components.trainer.conduct import sets_folder
from shardline.configs.locations import is_remote
from shardline.configs.schema import Conduct, FeatureSet, Model, Target, Training
from shardline.embedding.checkpoint.sets.durable import (
    make_folder,
    remove_file,
    replace_file,
)
from shardline.embedding.checkpoint.sets.lock import is_locked

_log = logging.getLogger("shardline.trainer")

_FINISHED = "finished.json"
_RAN_ON = "ran_on"
RunsOn = Literal["hosts", "tpu"]
_NAMES = {"hosts": "hosts", "tpu": "a TPU"}
# What says how to train, and not what comes of it.
_SERVED = {"inputs"}
_HOW = {*Conduct.model_fields, "hosts", "steps_per_call"}


def configuration_digest(
    feature_set: FeatureSet, model: Model, target: Target, training: Training
) -> str:
    """Returns a digest of the settings that decide what is learnt.

    Args:
        feature_set: the id features, numbers and tables; what the published model
            calls its inputs counts for nothing.
        model: the dense model.
        target: what to predict.
        training: how long; how it is saved, the hosts and the steps of a call count for
            nothing.
    """
    parts = [
        feature_set.model_dump_json(exclude=_SERVED),
        model.model_dump_json(),
        target.model_dump_json(),
        training.model_dump_json(exclude=_HOW),
    ]
    return _digest(parts)


def vocabularies_digest(graph_uri: str) -> str:
    """Returns a digest of the vocabularies of a transform graph.

    Args:
        graph_uri: the folder of the graph.
    """
    digest = hashlib.sha256()
    for path in _files(graph_uri):
        if "/assets/" in path:
            digest.update(f"{path.removeprefix(graph_uri)}\n".encode())
            with tf.io.gfile.GFile(path, "rb") as file:
                while content := file.read(1 << 20):
                    digest.update(content)
    return digest.hexdigest()


def fingerprint(
    configuration: str, uris: Sequence[str], code_version: str, begun: str = ""
) -> str:
    """Returns the name of a training: 16 hexadecimal digits.

    Args:
        configuration: the digest of its settings.
        uris: the folders of its inputs. They count with the names and sizes of their
            files: an output of TFX is never written again.
        code_version: the digest of the Trainer's code.
        begun: what it begins with, if that is not nothing.
    """
    files = [
        f"{path} {tf.io.gfile.stat(path).length}"
        for uri in uris
        for path in _files(uri)
    ]
    begins = [begun] if begun else []
    return _digest([configuration, code_version, *uris, *files, *begins])[:16]


class WorkFolder:
    """The folder of one training.

    Attributes:
        path: where; the checkpoint sets lie in it.
    """

    def __init__(self, path: Path, runs_on: RunsOn = "hosts"):
        """Makes the folder; the sets of a training that ended elsewhere go.

        Args:
            path: named by the training's fingerprint.
            runs_on: what the training that opens it runs on.

        Raises:
            OSError: if it cannot be made.
        """
        self.path = path
        self._runs_on = runs_on
        self._remove_if_ended_elsewhere()
        make_folder(path)
        # Whoever opens a training that had ended may have gone back in its sets.
        remove_file(path / _FINISHED)

    @property
    def events(self) -> Path:
        """Where TensorBoard's event files of the training are until it ends."""
        return self.path / "events"

    def finish(self, what: Mapping[str, Any]) -> None:
        """Takes note that the training's results are on the disk.

        What other trainings left that have finished too is removed.

        Args:
            what: is written down, for people.
        """
        noted = {**what, _RAN_ON: self._runs_on}
        replace_file(self.path / _FINISHED, json.dumps(noted).encode())
        for other in sorted(self.path.parent.iterdir()):
            if other != self.path and (other / _FINISHED).exists():
                if not is_locked(other):
                    shutil.rmtree(other)
                    _log.info("removed the checkpoint sets of an earlier training")

    def _remove_if_ended_elsewhere(self) -> None:
        finished = self.path / _FINISHED
        if not finished.exists() or is_locked(self.path):
            return
        ran_on = json.loads(finished.read_bytes()).get(_RAN_ON, self._runs_on)
        if ran_on != self._runs_on:
            shutil.rmtree(self.path)
            _log.info(
                "training begins anew: the one before ended on %s, this one runs on %s",
                _NAMES[ran_on],
                _NAMES[self._runs_on],
            )


@contextlib.contextmanager
def work_folder(
    checkpoint_uri: str,
    name: str,
    folder: str | None,
    runs_on: RunsOn = "hosts",
) -> Iterator[WorkFolder]:
    """Yields the work folder of a training.

    Args:
        checkpoint_uri: the output of the Trainer. If it is no local folder and no other
            is given, the work folder is one that ends with the block.
        name: the fingerprint.
        folder: where to make it, from the configuration.
        runs_on: what the training runs on.
    """
    if folder is not None:
        yield WorkFolder(Path(folder).absolute() / name, runs_on)
    elif not is_remote(checkpoint_uri):
        yield WorkFolder(sets_folder(checkpoint_uri) / name, runs_on)
    else:
        with tempfile.TemporaryDirectory() as scratch:
            _log.warning(
                "checkpoint sets go to %s and are gone with this machine: give "
                "training.checkpoint.folder, a mounted volume, to go on after a kill",
                scratch,
            )
            yield WorkFolder(Path(scratch) / name, runs_on)


def _files(uri: str) -> list[str]:
    """Returns the paths of all files in a folder, in order."""
    return sorted(
        f"{folder.rstrip('/')}/{name}"
        for folder, _, names in tf.io.gfile.walk(uri)
        for name in names
    )


def _digest(parts: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
