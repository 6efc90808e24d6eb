"""What a checkpoint says of itself: enough to rebuild the model that it holds."""

import os
from pathlib import Path

from pydantic import ConfigDict, Field, FiniteFloat

from shardline.components.contracts.warm_start_facts import (
    DenseVariable,
    WarmStartFacts,
)
from shardline.configs.schema import FeatureSet, Model, Target
from shardline.embedding.checkpoint.sets.durable import (
    replace_file,
    sync_file,
    sync_folder,
)

_FILE = "manifest.json"


class CheckpointManifest(Target):
    """The manifest of a HostShardedCheckpoint.

    Attributes:
        steps: training steps behind the checkpoint.
        hosts: hosts that its rows were split over, and data files it has.
        rows: rows of each table.
        feature_set: the feature set that it was trained with.
        model: the dense model's builder and options.
        metrics: on the evaluation split; those that are defined.
        undefined: why each of the others is not.
        spans: the spans that it was trained on, by the names of lineage; those before
            a warm start too, oldest first. None where data does not come in spans.
        vocabularies: SHA-256 of the tokens of each table whose vocabulary lives.
        dense: the variables of the dense model and its optimizer.
        warm_start: how the training began; None: with nothing learnt.
    """

    model_config = ConfigDict(validate_by_name=True, serialize_by_alias=True)

    steps: int
    hosts: int
    rows: dict[str, int]
    # Files say `features`, the older word.
    feature_set: FeatureSet = Field(
        validation_alias="features", serialization_alias="features"
    )
    model: Model
    metrics: dict[str, FiniteFloat]
    undefined: dict[str, str] = Field(default_factory=dict)
    spans: tuple[str, ...] = ()
    vocabularies: dict[str, str] = Field(default_factory=dict)
    dense: tuple[DenseVariable, ...] = ()
    warm_start: WarmStartFacts | None = None

    def save(self, folder: str) -> None:
        """Writes the manifest into a checkpoint's folder, which is whole then.

        Everything in the folder is on the disk before the manifest appears.
        """
        for directory, _, names in os.walk(folder):
            for name in names:
                sync_file(Path(directory, name))
            sync_folder(Path(directory))
        content = self.model_dump_json(indent=2).encode()
        replace_file(Path(folder, _FILE), content)


def load_manifest(folder: str) -> CheckpointManifest:
    """Reads the manifest of the checkpoint in a folder.

    Raises:
        FileNotFoundError: if the folder holds none.
    """
    return CheckpointManifest.model_validate_json(Path(folder, _FILE).read_text())


def checkpoint_prefix(folder: str) -> str:
    """Returns the `tf.train.Checkpoint` prefix inside a checkpoint's folder."""
    return str(Path(folder, "checkpoint"))
