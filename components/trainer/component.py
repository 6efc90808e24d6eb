"""Trainer: its inputs, outputs and parameters."""

from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import standard_artifacts
from tfx.types.channel import BaseChannel, Channel
from tfx.types.component_spec import (
    ChannelParameter,
    ComponentSpec,
    ExecutionParameter,
)

from shardline.components.contracts.artifacts import (
    HostShardedCheckpoint,
    LivingVocabulary,
    SpanPlan,
)
from shardline.components.execution.code_version import code_version
from shardline.components.trainer.executor import Executor
from shardline.components.trainer.placement.choice import host_count
from shardline.configs.schema import FeatureSet, Model, Target, Training


class TrainerSpec(ComponentSpec):
    """Inputs, outputs and parameters of Trainer."""

    PARAMETERS = {
        "feature_set": ExecutionParameter(type=str),
        "target": ExecutionParameter(type=str),
        "model": ExecutionParameter(type=str),
        "training": ExecutionParameter(type=str),
        "conduct": ExecutionParameter(type=str),
        "parity_examples": ExecutionParameter(type=int),
        "code_version": ExecutionParameter(type=str),
    }
    INPUTS = {
        "examples": ChannelParameter(type=standard_artifacts.Examples),
        "transformed_examples": ChannelParameter(type=standard_artifacts.Examples),
        "transform_graph": ChannelParameter(type=standard_artifacts.TransformGraph),
        "plan": ChannelParameter(type=SpanPlan, optional=True),
        "vocabularies": ChannelParameter(type=LivingVocabulary, optional=True),
    }
    OUTPUTS = {
        "checkpoint": ChannelParameter(type=HostShardedCheckpoint),
        "model_run": ChannelParameter(type=standard_artifacts.ModelRun),
    }


class Trainer(base_component.BaseComponent):
    """Trains a dense model and host-sharded embedding tables together."""

    SPEC_CLASS = TrainerSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        *,
        examples: BaseChannel,
        transformed_examples: BaseChannel,
        transform_graph: BaseChannel,
        feature_set: FeatureSet,
        target: Target,
        model: Model,
        training: Training,
        parity_examples: int,
        conduct_as_parameter: bool = False,
        plan: BaseChannel | None = None,
        vocabularies: BaseChannel | None = None,
    ):
        """Makes the component.

        Args:
            examples: raw examples. Some of the evaluation split are scored, and the
                exported model must score them alike.
            transformed_examples: the examples to train and evaluate on.
            transform_graph: the graph that transformed them.
            feature_set: the id features, numbers and tables.
            target: what to predict, and how much each example counts.
            model: the dense model.
            training: how long and how fast. How it is carried out is left out of the
                parameters, which are a part of the cache's key.
            parity_examples: how many raw examples to score.
            conduct_as_parameter: whether that is a parameter all the same, where
                nothing can be left beside the outputs (`trainer.conduct`).
            plan: which spans to train on and what to go on from, where data comes in
                spans.
            vocabularies: the living vocabularies of `transform_graph`, likewise.
        """
        super().__init__(
            TrainerSpec(
                examples=examples,
                transformed_examples=transformed_examples,
                transform_graph=transform_graph,
                plan=plan,
                vocabularies=vocabularies,
                feature_set=feature_set.as_parameter(),
                target=target.as_parameter(),
                model=model.as_parameter(),
                training=_learnt(training),
                conduct=training.conduct.as_parameter() if conduct_as_parameter else "",
                parity_examples=parity_examples,
                code_version=code_version(Executor.__module__, model.builder),
                checkpoint=Channel(type=HostShardedCheckpoint),
                model_run=Channel(type=standard_artifacts.ModelRun),
            )
        )


def _learnt(training: Training) -> str:
    """Returns, as JSON, what decides what is learnt: wherever, the same for the same.

    A cluster counts by its hosts, and learns what as many logical hosts do. A TPU,
    which rounds otherwise, counts as one, whatever its name.
    """
    told_elsewhere = {"checkpoint", "cluster"}
    if training.tpu:
        keyed = training.model_copy(update={"tpu": "local"})
        return keyed.model_dump_json(exclude={*told_elsewhere, "hosts"})
    keyed = training.model_copy(update={"hosts": host_count(training)})
    return keyed.model_dump_json(exclude=told_elsewhere)
