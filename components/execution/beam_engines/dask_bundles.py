"""The steps of a Beam pipeline on partitions of a Dask bag: what runs in its workers.

A partition is a bundle. Each call unpickles a DoFn of its own, for several threads of
a worker run bundles of a step at a time. A call that Dask repeats, because the worker
that had its result is gone, gives the same again.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import apache_beam as beam
from apache_beam.coders import coders
from apache_beam.internal import pickler
from apache_beam.runners.common import DoFnRunner, Receiver
from apache_beam.transforms.sideinputs import SideInputMap
from apache_beam.transforms.window import GlobalWindow, GlobalWindows
from apache_beam.utils.timestamp import MIN_TIMESTAMP
from apache_beam.utils.windowed_value import WindowedValue

_WINDOW = GlobalWindow()


class Step(NamedTuple):
    """A ParDo of a pipeline, as it is sent to workers, pickled.

    Attributes:
        name: its label in the pipeline, which errors name.
        do_fn: what it does.
        arguments: the positional ones, with placeholders for side inputs.
        keywords: the same by name.
        views: of each side input its class, such as `AsIter`, and its options.
        tags: of the outputs; None is the main one.
    """

    name: str
    do_fn: beam.DoFn
    arguments: Sequence[Any]
    keywords: dict[str, Any]
    views: Sequence[tuple[Any, dict[str, Any]]]
    tags: Sequence[str | int | None]


class _Output(Receiver):
    """Collects what a step gives to one of its outputs."""

    def __init__(self) -> None:
        self.values: list[Any] = []

    def receive(self, windowed_value: WindowedValue) -> None:
        self.values.append(windowed_value.value)


def run_bundle(
    elements: Iterable[Any], step: bytes, *side_inputs: Sequence[Any]
) -> list[tuple[str | int | None, list[Any]]]:
    """Runs a step on one partition, from its set-up to its tear-down.

    Args:
        elements: of the partition.
        step: a pickled `Step`.
        side_inputs: all elements of each.

    Returns:
        What went to each output, with its tag.
    """
    todo: Step = pickler.loads(step)
    outputs: dict[Any, _Output] = {tag: _Output() for tag in {None, *todo.tags}}
    runner = DoFnRunner(
        todo.do_fn,
        todo.arguments,
        todo.keywords,
        [
            SideInputMap(kind, options, [_windowed(value) for value in values])
            for (kind, options), values in zip(todo.views, side_inputs, strict=True)
        ],
        beam.Windowing(GlobalWindows()),
        outputs,
        step_name=todo.name,
    )
    runner.setup()
    try:
        runner.start()
        for element in elements:
            runner.process(_windowed(element))
        # Only now is all there: a step may give its last elements at the end.
        runner.finish()
    finally:
        runner.teardown()
    return [(tag, output.values) for tag, output in outputs.items()]


def output_of(
    outputs: Iterable[tuple[str | int | None, list[Any]]], tag: str | int | None
) -> list[Any]:
    """Returns the elements of one output of a step.

    Args:
        outputs: from `run_bundle`.
        tag: the tag of the output.
    """
    return next(values for found, values in outputs if found == tag)


def packed(values: Sequence[Any], run: str) -> bytes:
    """Returns values as bytes, for in a graph Dask takes some tuples for calls.

    Args:
        values: of one partition.
        run: the name of the run, for Dask does not compute again what is equal.
    """
    return pickler.dumps((run, list(values)))


def unpacked(partition: Iterable[bytes]) -> list[Any]:
    """Returns the elements that a pipeline begins with.

    Args:
        partition: from `packed`.
    """
    return [value for some in partition for value in pickler.loads(some)[1]]


def with_coded_keys(elements: Iterable[tuple[Any, Any]]) -> list[tuple[bytes, Any]]:
    """Returns elements with their keys as bytes, for these are equal if the keys are.

    Args:
        elements: each a key and a value.
    """
    coder = coders.FastPrimitivesCoder().as_deterministic_coder("GroupByKey")
    return [(coder.encode(key), (key, value)) for key, value in elements]


def coded_key(element: tuple[bytes, Any]) -> bytes:
    """Returns the key of what `with_coded_keys` gave."""
    return element[0]


def grouped(
    groups: Iterable[tuple[bytes, Sequence[tuple[bytes, tuple[Any, Any]]]]],
) -> list[tuple[Any, list[Any]]]:
    """Returns groups as a step takes them: a key, and its values.

    Args:
        groups: by a key's bytes, what `with_coded_keys` gave.
    """
    return [(some[0][1][0], [value for _, (_, value) in some]) for _, some in groups]


def gathered(parts: Sequence[Sequence[Any]]) -> list[Any]:
    """Returns all elements of a side input.

    Args:
        parts: its partitions.
    """
    return [element for part in parts for element in part]


def nothing(elements: Iterable[Any]) -> list[Any]:
    """Returns nothing, once the elements are there."""
    for _ in elements:
        pass
    return []


def _windowed(value: Any) -> WindowedValue:
    return WindowedValue(value, MIN_TIMESTAMP, (_WINDOW,))
