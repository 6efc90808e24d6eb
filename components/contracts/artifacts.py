"""The artifact types that TFX does not have.

Facts for lineage are custom properties: Kubeflow refuses declared ones.
"""

import math
from collections.abc import Mapping

from tfx.types.artifact import Artifact


class HostShardedCheckpoint(Artifact):
    """A `tf.train.Checkpoint` of a model, with one data file for each host.

    Holds `checkpoint.*`, the manifest (`contracts.checkpoint_manifest`) and the
    trainer's own predictions and lookups (`contracts.parity_examples`).
    """

    TYPE_NAME = "shardline.HostShardedCheckpoint"


class ServingValidation(Artifact):
    """The verdict on an exported model, gate by gate.

    Holds `validation.json` (`components.contracts.validation`).
    """

    TYPE_NAME = "shardline.ServingValidation"


class SpanPlan(Artifact):
    """What a run trains next: `plan.json` (`components.contracts.spans.plan`)."""

    TYPE_NAME = "shardline.SpanPlan"


class LivingVocabulary(Artifact):
    """The vocabularies after a span (`components.contracts.living_vocabulary`)."""

    TYPE_NAME = "shardline.LivingVocabulary"


class ModelComparison(Artifact):
    """How a candidate does beside the model in service.

    Holds `comparison.json` (`components.contracts.spans.comparison`), and the same for
    people, with all slices, in `comparison.txt`.
    """

    TYPE_NAME = "shardline.ModelComparison"


def hand_on_spans(source: Artifact, *targets: Artifact) -> None:
    """Has artifacts name the spans that what they were made of holds, if it does."""
    if source.has_custom_property("spans"):
        spans = source.get_string_custom_property("spans")
        for target in targets:
            record_properties(target, {"spans": spans})


def record_properties(
    artifact: Artifact, properties: Mapping[str, int | float | str]
) -> None:
    """Sets custom properties of an artifact; all of this project are set here.

    Args:
        artifact: what is to have them.
        properties: the properties by name.

    Raises:
        ValueError: if a number is not finite. ML Metadata cannot store it, and would
            end the run with an error of its database.
    """
    for name, value in properties.items():
        if isinstance(value, str):
            artifact.set_string_custom_property(name, value)
        elif isinstance(value, int):
            artifact.set_int_custom_property(name, value)
        elif math.isfinite(value):
            artifact.set_float_custom_property(name, value)
        else:
            raise ValueError(
                f"Property `{name}` of an artifact of type {artifact.type_name} is "
                f"{value}, and ML Metadata stores finite numbers only. Leave it out, "
                "or record in words why there is no number."
            )
