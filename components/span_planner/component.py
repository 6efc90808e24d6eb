"""SpanPlanner: its outputs and parameters."""

from tfx.dsl.components.base import base_component, executor_spec
from tfx.types.channel import Channel
from tfx.types.component_spec import (
    ChannelParameter,
    ComponentSpec,
    ExecutionParameter,
)

from shardline.components.contracts.artifacts import SpanPlan
from shardline.components.execution.code_version import code_version
from shardline.components.span_planner.executor import Executor
from shardline.components.span_planner.planning import settings_of
from shardline.configs.schema import Data, Evaluation


class SpanPlannerSpec(ComponentSpec):
    """Outputs and parameters of SpanPlanner."""

    PARAMETERS = {
        "name": ExecutionParameter(type=str),
        "settings": ExecutionParameter(type=str),
        "reader": ExecutionParameter(type=str),
        "options": ExecutionParameter(type=str),
        "path": ExecutionParameter(type=str),
        "serving_dir": ExecutionParameter(type=str),
        "known_by": ExecutionParameter(type=str),
        "code_version": ExecutionParameter(type=str),
    }
    INPUTS: dict[str, ChannelParameter] = {}
    OUTPUTS = {"plan": ChannelParameter(type=SpanPlan)}


class SpanPlanner(base_component.BaseComponent):
    """Says which spans a run trains on, and what the model is judged on."""

    SPEC_CLASS = SpanPlannerSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        *,
        name: str,
        data: Data,
        evaluation: Evaluation,
        warm_start: bool,
        reader: str,
        options: str,
        path: str,
        serving_dir: str,
        known_by: str,
    ):
        """Makes the component.

        Args:
            name: of the run.
            data: section `data`, with `spans`.
            evaluation: section `evaluation`.
            warm_start: whether a run goes on from the model of the run before.
            reader: import path of the reader.
            options: the reader's options, as JSON.
            path: the location of the raw data, passed to the reader.
            serving_dir: the folder of published models, with the state.
            known_by: digest of the plan that is due, for the cache key
                (`planning.known_by`); "" where nothing is reused.
        """
        settings = settings_of(data, evaluation, warm_start=warm_start)
        super().__init__(
            SpanPlannerSpec(
                name=name,
                settings=settings.as_parameter(),
                reader=reader,
                options=options,
                path=path,
                serving_dir=serving_dir,
                known_by=known_by,
                code_version=code_version(Executor.__module__, reader),
                plan=Channel(type=SpanPlan),
            )
        )
