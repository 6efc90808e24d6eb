"""The artifact types that TFX does not have."""

from tfx.types.artifact import Artifact


class HostShardedCheckpoint(Artifact):
    """A `tf.train.Checkpoint` of a model, with one data file for each host.

    Holds `checkpoint.*`, the manifest (`components.checkpoint_manifest`) and the
    trainer's own predictions (`components.parity`). Facts for lineage are custom
    properties: Kubeflow refuses declared ones.
    """

    TYPE_NAME = "components.HostShardedCheckpoint"
