"""What a HostShardedCheckpoint says of itself: enough to rebuild the model it holds."""

from pathlib import Path

from pydantic import Field, FiniteFloat

from shardline.configs.schema import FeatureSet, Model, Target

_FILE = "manifest.json"


class CheckpointManifest(Target):
    """The manifest of a checkpoint, and of what it predicts.

    Attributes:
        steps: training steps behind the checkpoint.
        hosts: hosts that its rows were split over, and data files it has.
        rows: rows of each table.
        features: the feature specification it was trained with.
        model: the dense model's builder and options.
        metrics: on the evaluation split; those that are defined.
        undefined: why each of the others is not.
    """

    steps: int
    hosts: int
    rows: dict[str, int]
    features: FeatureSet
    model: Model
    metrics: dict[str, FiniteFloat]
    undefined: dict[str, str] = Field(default_factory=dict)

    def save(self, folder: str) -> None:
        """Writes the manifest into a checkpoint's folder."""
        Path(folder, _FILE).write_text(self.model_dump_json(indent=2))


def load_manifest(folder: str) -> CheckpointManifest:
    """Reads the manifest of the checkpoint in a folder.

    Raises:
        FileNotFoundError: if the folder holds none.
    """
    return CheckpointManifest.model_validate_json(Path(folder, _FILE).read_text())


def checkpoint_prefix(folder: str) -> str:
    """Returns the `tf.train.Checkpoint` prefix inside a checkpoint's folder."""
    return str(Path(folder, "checkpoint"))
