"""The artifact types that TFX does not have.

Facts for lineage are custom properties: Kubeflow refuses declared ones.
"""

from tfx.types.artifact import Artifact


class HostShardedCheckpoint(Artifact):
    """A `tf.train.Checkpoint` of a model, with one data file for each host.

    Holds `checkpoint.*`, the manifest (`components.checkpoint_manifest`) and the
    trainer's own predictions and lookups (`components.parity`).
    """

    TYPE_NAME = "components.HostShardedCheckpoint"


class ServingValidation(Artifact):
    """The verdict on an exported model, gate by gate.

    Holds `validation.json` (`components.serving_validator.validation`).
    """

    TYPE_NAME = "components.ServingValidation"
