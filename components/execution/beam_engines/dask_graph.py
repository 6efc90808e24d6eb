"""A Beam pipeline as a graph of Dask bags.

Translated is what batch jobs are made of: `Create`, `ParDo` with side inputs and
several outputs, `GroupByKey` and `Flatten`, and all that Beam expands to these.
Anything else is refused: a step that is passed over in silence loses what it would have
given.
"""

import math
import uuid
from collections.abc import Callable, Sequence
from typing import Any

import apache_beam as beam
import dask
import dask.bag as db
from apache_beam.internal import pickler
from apache_beam.pipeline import AppliedPTransform, PipelineVisitor, PTransformOverride
from apache_beam.pvalue import PCollection
from apache_beam.runners.common import DoFnSignature
from apache_beam.transforms.window import GlobalWindows

from shardline.components.execution.beam_engines import dask_bundles as bundles
from shardline.components.execution.beam_engines.errors import BeamEngineError


class _Values(beam.PTransform[Any, Any]):
    """Stands for `Create`, which Beam would expand to a step that holds all values."""

    def __init__(self, values: Sequence[Any]):
        super().__init__()
        self.values = values

    def expand(self, begin: Any) -> Any:
        return PCollection.from_(begin)

    def get_windowing(self, inputs: Any) -> beam.Windowing:
        return beam.Windowing(GlobalWindows())


class _Unchanged(beam.PTransform[Any, Any]):
    """Stands for `Reshuffle`: Dask gives an idle worker the next partition."""

    def expand(self, elements: Any) -> Any:
        return PCollection.from_(elements)


class _Replacement(PTransformOverride):
    """Puts another transform in the place of those of a class."""

    def __init__(
        self, kind: type, replaced: Callable[[Any], beam.PTransform[Any, Any]]
    ) -> None:
        self._kind = kind
        self._replaced = replaced

    def matches(self, node: AppliedPTransform) -> bool:
        return node.transform.__class__ is self._kind

    def get_replacement_transform_for_applied_ptransform(
        self, node: AppliedPTransform
    ) -> beam.PTransform[Any, Any]:
        return self._replaced(node.transform)


def dask_graph(pipeline: beam.Pipeline, partitions_of: Callable[[int], int]) -> Any:
    """Returns what Dask has to compute to run a pipeline.

    Args:
        pipeline: whose steps are replaced in part.
        partitions_of: how many partitions to make of how many values.

    Returns:
        A value of `dask.delayed`, which is an empty list once all steps have run.

    Raises:
        BeamEngineError: if the pipeline has a step that is not translated.
    """
    pipeline.replace_all(
        [
            _Replacement(beam.Create, lambda create: _Values(create.values)),
            _Replacement(beam.Reshuffle, lambda _: _Unchanged()),
        ]
    )
    translation = _Translation(partitions_of)
    pipeline.visit(translation)
    return dask.delayed(bundles.gathered)(
        [
            part
            for output, bag in translation.bags.items()
            if output not in translation.read
            for part in _parts(bag.map_partitions(bundles.nothing))
        ]
    )


class _Translation(PipelineVisitor):
    """Makes a bag of each output of each step, in the order of the pipeline.

    Attributes:
        bags: by output.
        read: the outputs that another step reads.
    """

    def __init__(self, partitions_of: Callable[[int], int]) -> None:
        self.bags: dict[Any, db.Bag] = {}
        self.read: set[Any] = set()
        self._partitions_of = partitions_of
        self._run = uuid.uuid4().hex

    def visit_transform(self, node: AppliedPTransform) -> None:
        """Translates a step that has no steps inside.

        Raises:
            BeamEngineError: if there is no translation.
        """
        transform: Any = node.transform
        outputs: list[Any] = list(node.outputs.values())
        for output in outputs:
            if not isinstance(output.windowing.windowfn, GlobalWindows):
                raise _refused(node, "has windows")
        if isinstance(transform, _Values):
            self._give(node, self._values(transform.values))
        elif isinstance(transform, beam.Impulse):
            self._give(node, self._values([b""]))
        elif isinstance(transform, _Unchanged):
            self._give(node, self._inputs(node)[0])
        elif isinstance(transform, beam.Flatten):
            self._give(node, db.concat(self._inputs(node) or [self._values([])]))
        elif isinstance(transform, beam.GroupByKey):
            self._give(node, _groups(self._inputs(node)[0]))
        elif isinstance(transform, beam.ParDo):
            self._give_outputs(node)
        else:
            raise _refused(node, f"is a {type(transform).__name__}")

    def _give(self, node: AppliedPTransform, bag: db.Bag) -> None:
        (output,) = node.outputs.values()
        self.bags[output] = bag

    def _give_outputs(self, node: AppliedPTransform) -> None:
        """Translates a ParDo."""
        transform: Any = node.transform
        signature = DoFnSignature(transform.fn)
        if signature.is_stateful_dofn() or signature.is_splittable_dofn():
            raise _refused(node, "keeps state or splits its elements")
        step = bundles.Step(
            node.full_label,
            transform.fn,
            list(transform.args),
            dict(transform.kwargs),
            [(type(side), side._view_options()) for side in node.side_inputs],
            list(node.outputs),
        )
        outputs = self._inputs(node)[0].map_partitions(
            bundles.run_bundle, pickler.dumps(step), *self._side_inputs(node)
        )
        for tag, output in node.outputs.items():
            self.bags[output] = outputs.map_partitions(bundles.output_of, tag)

    def _inputs(self, node: AppliedPTransform) -> list[db.Bag]:
        self.read.update(node.inputs)
        return [self.bags[read] for read in node.inputs]

    def _side_inputs(self, node: AppliedPTransform) -> list[Any]:
        read = [side.pvalue for side in node.side_inputs]
        self.read.update(read)
        return [dask.delayed(bundles.gathered)(_parts(self.bags[one])) for one in read]

    def _values(self, values: Sequence[Any]) -> db.Bag:
        size = math.ceil(len(values) / max(1, self._partitions_of(len(values)))) or 1
        starts = range(0, len(values), size) or [0]
        packed = [bundles.packed(values[n : n + size], self._run) for n in starts]
        bag = db.from_sequence(packed, partition_size=1)
        return bag.map_partitions(bundles.unpacked)


def _parts(bag: db.Bag) -> list[Any]:
    """Returns the partitions; fused into each of them, shared steps would run twice."""
    parts: list[Any] = bag.to_delayed(optimize_graph=False)
    return parts


def _groups(bag: db.Bag) -> db.Bag:
    coded = bag.map_partitions(bundles.with_coded_keys)
    by_key = coded.groupby(bundles.coded_key, shuffle="tasks")
    return by_key.map_partitions(bundles.grouped)


def _refused(node: AppliedPTransform, why: str) -> BeamEngineError:
    return BeamEngineError(
        f"Runner `dask` does not run step `{node.full_label}`, which {why}. Use "
        "another runner."
    )
