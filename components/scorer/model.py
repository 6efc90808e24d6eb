"""A published model that scores batches of raw columns, as `shardline serve` would.

Matrix products of TensorFlow take rows in packets of 8 or 16, and add up the rows that
are left over in another order, so that the last bit of a score can depend on how many
rows are asked for at once. Batches are filled up to whole packets here, which makes a
score depend on its row alone.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from shardline.components.pusher.newest_model import published_model
from shardline.components.pusher.publication import PublicationError
from shardline.components.pusher.stores.stores import open_store
from shardline.components.scorer.model_inputs import ModelInputs
from shardline.components.server.model import LoadedVersion
from shardline.components.server.request_error import RequestError
from shardline.configs.locations import absolute_location
from shardline.configs.schema import Features

_SIGNATURE = "columns"
_OUTPUT = "scores"


class ScoringError(RuntimeError):
    """A model that cannot score what it is given; the message says why."""


@dataclasses.dataclass(frozen=True)
class Version:
    """A published version.

    Attributes:
        folder: the serving folder, local or not.
        number: its number.
    """

    folder: str
    number: int

    def absolute(self) -> Version:
        """Returns the same version, named as processes in other folders find it."""
        return dataclasses.replace(self, folder=absolute_location(self.folder))


def published_version(folder: str, number: int | None) -> Version:
    """Returns a version that is there.

    Args:
        folder: the serving folder.
        number: of the version; None: the newest.

    Raises:
        PublicationError: if there is none.
    """
    versions = open_store(folder).all_versions()
    if not versions:
        raise PublicationError(
            f"{folder} holds no published model. Run the pipeline first, or name a "
            "folder of versions with --model."
        )
    if number is None:
        return Version(folder, versions[-1])
    if number not in versions:
        there = ", ".join(map(str, versions[-5:]))
        raise PublicationError(
            f"{folder} has no version {number}; the newest are {there}. Name one of "
            "them."
        )
    return Version(folder, number)


class ScoringModel:
    """A version in memory; threads can share it."""

    def __init__(self, version: Version, features: Features):
        """Loads the model.

        Args:
            version: the version.
            features: what the columns of batches are read for.

        Raises:
            PublicationError: if it is not there any more, or damaged.
            VersionError: if it does not load.
            ScoringError: if it asks for other columns than the features read.
        """
        with self._local(version) as folder:
            self._loaded = LoadedVersion(folder, version.number)
        try:
            self._signature = self._loaded.signature(_SIGNATURE)
            self._inputs = ModelInputs(features, self._signature.inputs)
        except (RequestError, ValueError) as error:
            self._loaded.close()
            raise ScoringError(
                f"Version {version.number} in {version.folder}: {error} Name the "
                "configuration that it was trained with, or another --version."
            ) from error

    def scores(self, batch: pa.RecordBatch) -> np.ndarray:
        """Returns the score of each row: float32 [rows].

        Args:
            batch: raw columns, as `read_unit` gives them.

        Raises:
            ScoringError: what the model refuses, in its words.
        """
        try:
            answer = self._signature.run(self._inputs.arrays(batch))
        except RequestError as error:
            raise ScoringError(str(error)) from error
        scores = answer[_OUTPUT]
        rows = batch.num_rows
        if scores.ndim != 1 or len(scores) < rows:
            raise ScoringError(
                f"The model answers `{_OUTPUT}` of shape {scores.shape} for {rows} "
                "rows, expected one score a row. Publish it again."
            )
        return scores[:rows]

    def close(self) -> None:
        """Gives the memory back."""
        self._loaded.close()

    @staticmethod
    @contextlib.contextmanager
    def _local(version: Version) -> Iterator[Path]:
        store = open_store(version.folder)
        if version.number not in store.all_versions():
            raise PublicationError(
                f"{version.folder} has no version {version.number} any more, or this "
                "machine does not see it. Name a folder that all machines reach."
            )
        with published_model(store, version.number) as folder:
            yield folder
