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
# What a section says of all components that it does not name.
DEFAULT: Final = "default"
ComponentOrDefault = Literal["default", ComponentId]
BeamComponentOrDefault = Literal["default", BeamComponentId]

COMPONENTS: tuple[ComponentId, ...] = get_args(ComponentId)
BEAM_COMPONENTS: tuple[ComponentId, ...] = get_args(BeamComponentId)
_OF_WHOLE_DATA = ("ReaderExampleGen", "StatisticsGen")
_OF_SPANS = ("SpanPlanner", "SpanExamples", "SpanStatistics", "SpanRecorder")


def components_of(*, in_spans: bool, compares: bool) -> tuple[ComponentId, ...]:
    """Returns the components of a run's pipeline, in their order.

    Args:
        in_spans: whether its data comes in spans.
        compares: whether it holds a model against the one in service, which a run of
            spans does in any case.
    """
    left_out = {*(_OF_WHOLE_DATA if in_spans else _OF_SPANS)}
    if not (in_spans or compares):
        left_out.add("ModelComparator")
    return tuple(component for component in COMPONENTS if component not in left_out)
