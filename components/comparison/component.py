"""ModelComparator: its inputs, outputs and parameters."""

from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import standard_artifacts
from tfx.types.channel import BaseChannel, Channel
from tfx.types.component_spec import (
    ChannelParameter,
    ComponentSpec,
    ExecutionParameter,
)

from shardline.components.comparison.executor import Executor
from shardline.components.contracts.artifacts import (
    LivingVocabulary,
    ModelComparison,
    SpanPlan,
)
from shardline.components.execution.code_version import code_version
from shardline.configs.schema import Evaluation, FeatureSet, Target


class ModelComparatorSpec(ComponentSpec):
    """Inputs, outputs and parameters of ModelComparator."""

    PARAMETERS = {
        "serving_dir": ExecutionParameter(type=str),
        "evaluation": ExecutionParameter(type=str),
        "target": ExecutionParameter(type=str),
        "feature_set": ExecutionParameter(type=str),
        "code_version": ExecutionParameter(type=str),
    }
    INPUTS = {
        "examples": ChannelParameter(type=standard_artifacts.Examples),
        "model": ChannelParameter(type=standard_artifacts.Model),
        "plan": ChannelParameter(type=SpanPlan, optional=True),
        "vocabularies": ChannelParameter(type=LivingVocabulary, optional=True),
    }
    OUTPUTS = {"comparison": ChannelParameter(type=ModelComparison)}


class ModelComparator(base_component.BaseComponent):
    """Compares a candidate with the model in service, on split "eval"."""

    SPEC_CLASS = ModelComparatorSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        *,
        examples: BaseChannel,
        model: BaseChannel,
        serving_dir: str,
        evaluation: Evaluation,
        target: Target,
        feature_set: FeatureSet,
        plan: BaseChannel | None = None,
        vocabularies: BaseChannel | None = None,
    ):
        """Makes the component.

        Args:
            examples: raw examples, of which split "eval" is judged on.
            model: the exported model, the candidate.
            serving_dir: the folder of published models, the newest of which is in
                service.
            evaluation: metrics, slices and margins.
            target: label and example weight.
            feature_set: the id features, numbers and tables.
            plan: of a run in spans, with what earlier spans were like.
            vocabularies: living ones, which tell what is rare.
        """
        optional = {"plan": plan, "vocabularies": vocabularies}
        super().__init__(
            ModelComparatorSpec(
                examples=examples,
                model=model,
                serving_dir=serving_dir,
                evaluation=evaluation.as_parameter(),
                target=target.as_parameter(),
                feature_set=feature_set.as_parameter(),
                code_version=code_version(Executor.__module__),
                comparison=Channel(type=ModelComparison),
                **{name: given for name, given in optional.items() if given},
            )
        )
