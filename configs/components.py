"""The steps of a pipeline, by the ids under which a configuration speaks of them."""

from typing import Final, Literal, get_args

ComponentId = Literal[
    "SpanPlanner",
    "ReaderExampleGen",
    "SpanExamples",
    "StatisticsGen",
    "SpanStatistics",
    "ReaderSchemaGen",
    "ExampleValidator",
    "FeatureTransform",
    "Trainer",
    "Exporter",
    "ServingValidator",
    "Evaluator",
    "ModelComparator",
    "Pusher",
    "SpanRecorder",
]
# Those whose work is done by Beam.
BeamComponentId = Literal[
    "ReaderExampleGen",
    "SpanExamples",
    "StatisticsGen",
    "SpanStatistics",
    "FeatureTransform",
    "Evaluator",
]
# Those of them whose work may be done in worker processes.
WorkedComponentId = Literal["StatisticsGen", "SpanStatistics", "Evaluator"]
# What a section says of all components that it does not name.
DEFAULT: Final = "default"
ComponentOrDefault = Literal["default", ComponentId]
BeamComponentOrDefault = Literal["default", BeamComponentId]
WorkedComponentOrDefault = Literal["default", WorkedComponentId]

COMPONENTS: tuple[ComponentId, ...] = get_args(ComponentId)
BEAM_COMPONENTS: tuple[BeamComponentId, ...] = get_args(BeamComponentId)
WORKED_COMPONENTS: tuple[WorkedComponentId, ...] = get_args(WorkedComponentId)
# Those that a pipeline has only for data that comes whole, in spans, or if it compares.
OF_WHOLE_DATA: tuple[ComponentId, ...] = ("ReaderExampleGen", "StatisticsGen")
OF_SPANS: tuple[ComponentId, ...] = (
    "SpanPlanner",
    "SpanExamples",
    "SpanStatistics",
    "SpanRecorder",
)
OF_COMPARISONS: tuple[ComponentId, ...] = ("ModelComparator",)


def components_of(*, in_spans: bool, compares: bool) -> tuple[ComponentId, ...]:
    """Returns the components of a run's pipeline, in their order.

    Args:
        in_spans: whether its data comes in spans.
        compares: whether it holds a model against the one in service, which a run of
            spans does in any case.
    """
    left_out = {*(OF_WHOLE_DATA if in_spans else OF_SPANS)}
    if not (in_spans or compares):
        left_out.update(OF_COMPARISONS)
    return tuple(component for component in COMPONENTS if component not in left_out)
