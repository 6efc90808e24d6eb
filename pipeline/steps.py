"""The components of a pipeline by their ids, and the part of it that is to run.

They are known here before anything of TFX is loaded, which takes seconds.
"""

import dataclasses
import difflib
from collections.abc import Iterable, Mapping

from shardline.configs.components import OF_COMPARISONS, OF_SPANS, OF_WHOLE_DATA
from shardline.configs.schema import Run


class PartError(ValueError):
    """A part of a pipeline that there is not."""


@dataclasses.dataclass(frozen=True)
class Part:
    """A part of a pipeline: what lies between two of its components.

    Attributes:
        first: the component that it begins with, with all that build on it; None: with
            those that build on nothing.
        last: the component that it ends with, with all that it builds on; None: with
            those that nothing builds on.
        components: those that run, in the order of the pipeline.
        needed: those before them, whose outputs are taken as they are.
    """

    first: str | None
    last: str | None
    components: tuple[str, ...]
    needed: tuple[str, ...]


def steps_of(run: Run) -> dict[str, tuple[str, ...]]:
    """Returns the components of a run, in an order that they can run in.

    Args:
        run: the configuration.

    Returns:
        For each its id, with the ids of those whose outputs it takes.
    """
    in_spans = run.data.spans is not None
    reader = "SpanExamples" if in_spans else "ReaderExampleGen"
    statistics = "SpanStatistics" if in_spans else "StatisticsGen"
    steps: dict[str, tuple[str, ...]] = {
        reader: (),
        "ReaderSchemaGen": (),
        statistics: (reader,),
        "ExampleValidator": (statistics, "ReaderSchemaGen"),
        "FeatureTransform": (reader,),
        "Trainer": (reader, "FeatureTransform"),
        "Exporter": (reader, "FeatureTransform", "Trainer"),
        "ServingValidator": ("Exporter",),
        "Evaluator": (reader, "Exporter"),
    }
    judges: tuple[str, ...] = ("ServingValidator", "Evaluator")
    if in_spans or run.evaluation.regression:
        vocabularies = ("FeatureTransform",) if in_spans else ()
        steps["ModelComparator"] = (reader, *vocabularies, "Exporter")
        judges += ("ModelComparator",)
    steps["Pusher"] = ("Exporter", *judges)
    if not in_spans:
        return steps
    made = (reader, "FeatureTransform", "Trainer", "Exporter", "ModelComparator")
    steps["SpanRecorder"] = (*made, "Pusher")
    planned = {one: ("SpanPlanner", *before) for one, before in steps.items()}
    return {"SpanPlanner": (), **planned}


def part_of(run: Run, first: str | None, last: str | None) -> Part:
    """Returns the part of a run's pipeline between two components.

    Args:
        run: the configuration.
        first: the component that it begins with; None: it begins with the pipeline.
        last: the component that it ends with; None: it ends with the pipeline.

    Raises:
        PartError: if the pipeline has no such component, or nothing lies between them.
    """
    steps = steps_of(run)
    for component in filter(None, (first, last)):
        if component not in steps:
            raise PartError(_unknown(component, steps))
    before, after = _before(steps), _after(steps)
    components = tuple(
        one
        for one in steps
        if (first is None or one in after[first])
        and (last is None or one in before[last])
    )
    if not components:
        raise PartError(_nothing_between(str(first), str(last), steps))
    reached = {up for one in components for up in before[one]}
    needed = tuple(one for one in steps if one in reached and one not in components)
    return Part(first, last, components, needed)


def check_force(run: Run, part: Part) -> None:
    """Checks that a part that publishes by force also ends what it began.

    Args:
        run: the configuration.
        part: of its pipeline.

    Raises:
        PartError: if it publishes nothing, or does not record what it publishes.
    """
    if "Pusher" not in part.components:
        raise PartError(
            f"--force is about publishing, and this part of the pipeline is "
            f"{', '.join(part.components)}. Leave it out, or run --from Pusher."
        )
    if run.data.spans and "SpanRecorder" not in part.components:
        raise PartError(
            "A model in spans that is published by force has to be recorded as well, "
            "or the next run would take it for refused: run --from Pusher."
        )


def _before(steps: Mapping[str, tuple[str, ...]]) -> dict[str, frozenset[str]]:
    """Returns for each component those that it builds on, and itself."""
    before: dict[str, frozenset[str]] = {}
    for one, direct in steps.items():  # those that it builds on come first
        before[one] = frozenset({one}).union(*(before[up] for up in direct))
    return before


def _after(steps: Mapping[str, tuple[str, ...]]) -> dict[str, frozenset[str]]:
    """Returns for each component those that build on it, and itself."""
    before = _before(steps)
    return {
        one: frozenset(down for down in steps if one in before[down]) for one in steps
    }


def _unknown(component: str, steps: Iterable[str]) -> str:
    there = f"This pipeline has {', '.join(steps)}."
    reasons: dict[tuple[str, ...], str] = {
        OF_SPANS: "it is of data in spans, and `data.spans` is not given",
        OF_WHOLE_DATA: "it is of whole data, and `data.spans` is given",
        OF_COMPARISONS: "models are compared where `evaluation.regression` or "
        "`data.spans` is given",
    }
    for names, reason in reasons.items():
        if component in names:
            return f"The pipeline has no {component}: {reason}. {there}"
    close = difflib.get_close_matches(component, steps, n=1)
    hint = f"; did you mean {close[0]}?" if close else "."
    return f"There is no component `{component}`{hint} {there}"


def _nothing_between(first: str, last: str, steps: dict[str, tuple[str, ...]]) -> str:
    if first in _after(steps)[last]:
        return (
            f"{first} comes after {last}, so nothing lies from {first} to {last}. "
            f"Turn them round: --from {last} --to {first}."
        )
    return (
        f"{last} takes nothing that {first} makes, so nothing lies from {first} to "
        f"{last}. Give one of --from and --to, or run each with --only."
    )
