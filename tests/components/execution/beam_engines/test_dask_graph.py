"""Beam pipelines as graphs of Dask, computed in this process."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.transforms.userstate import ReadModifyWriteStateSpec
from apache_beam.transforms.window import FixedWindows, GlobalWindow
from apache_beam.utils.windowed_value import WindowedValue

from shardline.components.execution.beam_engines.dask_graph import dask_graph
from shardline.components.execution.beam_engines.errors import BeamEngineError
from shardline.components.execution.in_memory_beam import in_memory_pipeline
from shardline.components.execution.worker_reports import WriteReports, read_reports

Build = Callable[[beam.Pipeline], Any]


class HeldBack(beam.DoFn):
    """Gives all that it has only at the end of a bundle, as counters do."""

    def setup(self) -> None:
        self.is_set_up = True

    def start_bundle(self) -> None:
        assert self.is_set_up
        self.held: list[Any] = []

    def process(self, element: Any) -> Iterator[Any]:
        self.held.append(element)
        yield from ()

    def finish_bundle(self) -> Iterator[WindowedValue]:
        window = GlobalWindow()
        for element in self.held:
            yield WindowedValue(element, window.max_timestamp(), (window,))


class ByParity(beam.DoFn):
    """Has an output beside the main one."""

    def process(self, element: int) -> Iterator[Any]:
        yield beam.pvalue.TaggedOutput("odd", element) if element % 2 else element


def end_of_bundle(p: beam.Pipeline) -> Any:
    return p | beam.Create(range(20)) | beam.Reshuffle() | beam.ParDo(HeldBack())


def outputs(p: beam.Pipeline) -> Any:
    both = p | beam.Create(range(7)) | beam.ParDo(ByParity()).with_outputs("odd")
    odd = both.odd | "Negative" >> beam.Map(lambda n: -n)
    return (both[None], odd) | beam.Flatten()


def side_inputs(p: beam.Pipeline) -> Any:
    two = p | "Two" >> beam.Create([2])
    some = p | "Some" >> beam.Create(range(30))
    return (
        p
        | beam.Create(range(5))
        | beam.Map(
            lambda n, by, of: [n * by, sum(of)],
            beam.pvalue.AsSingleton(two),
            of=beam.pvalue.AsIter(some),
        )
    )


def groups(p: beam.Pipeline) -> Any:
    keys = [("a", 1), ("b", None), 3, "a", b"a"]
    pairs = [(key, n) for n in range(4) for key in keys]
    return (
        p
        | beam.Create(pairs)
        | beam.GroupByKey()
        | beam.Map(lambda group: [repr(group[0]), sorted(group[1])])
    )


def flat_groups(p: beam.Pipeline) -> Any:
    one = p | "One" >> beam.Create([("k", n) for n in range(9)]) | beam.GroupByKey()
    none = p | "None" >> beam.Create([])
    more = one | beam.FlatMap(lambda group: [(group[0], n + 1) for n in group[1]])
    return (
        (more, none, p | "More" >> beam.Create([("l", 5)]))
        | beam.Flatten()
        | "Again" >> beam.GroupByKey()
        | beam.Map(lambda group: [group[0], sorted(group[1])])
    )


def sums(p: beam.Pipeline) -> Any:
    return p | beam.Create(range(50)) | beam.CombineGlobally(sum)


def calls_as_values(p: beam.Pipeline) -> Any:
    # In a graph of Dask, a tuple that begins with a function is a call of it.
    return p | beam.Create([(len, "abc")]) | beam.Map(lambda pair: repr(pair[1]))


def nothing(p: beam.Pipeline) -> Any:
    return p | beam.Create([1]) | beam.Filter(lambda _: False)


@pytest.mark.parametrize(
    "build",
    [
        end_of_bundle, outputs, side_inputs, groups, flat_groups, sums, calls_as_values,
        nothing,
    ],
)  # fmt: skip
def test_pipeline_gives_what_it_gives_in_memory(build: Build, tmp_path: Path) -> None:
    def end_in(folder: Path, pipeline: beam.Pipeline) -> beam.Pipeline:
        folder.mkdir()
        end = str(folder / "end")
        lines = build(pipeline) | "Line" >> beam.Map(json.dumps)
        # Two ends, both of which must run.
        _ = lines | WriteReports(str(folder / "report"))
        _ = lines | "Other end" >> beam.Map(lambda _: open(end, "w").close())
        return pipeline

    here, there = tmp_path / "here", tmp_path / "there"
    end_in(here, in_memory_pipeline()).run()
    graph = dask_graph(end_in(there, in_memory_pipeline()), lambda n: min(n, 3))
    graph.compute(scheduler="sync")

    names = [sorted(file.name for file in folder.iterdir()) for folder in (here, there)]
    assert names == [[] if build is nothing else ["end", "report"]] * 2
    if build is not nothing:
        expected, found = (read_reports(str(f / "report")) for f in (here, there))
        assert sorted(map(repr, found)) == sorted(map(repr, expected))


@pytest.mark.parametrize(("wanted", "bundles"), [(1, [5]), (2, [3, 2]), (9, [1] * 5)])
def test_values_are_divided_as_told(
    wanted: int, bundles: list[int], tmp_path: Path
) -> None:
    class Size(HeldBack):
        def finish_bundle(self) -> Iterator[WindowedValue]:
            self.held = [json.dumps(len(self.held))]
            yield from super().finish_bundle()

    pipeline = in_memory_pipeline()
    report = str(tmp_path / "report")
    _ = pipeline | beam.Create(range(5)) | beam.ParDo(Size()) | WriteReports(report)
    dask_graph(pipeline, lambda _: wanted).compute(scheduler="sync")

    assert read_reports(report) == bundles


STATE = beam.DoFn.StateParam(
    ReadModifyWriteStateSpec("state", beam.coders.VarIntCoder())
)


class Stateful(beam.DoFn):
    def process(self, element: Any, state: Any = STATE) -> Iterator[Any]:
        yield element


@pytest.mark.parametrize(
    ("step", "why"),
    [
        (beam.ParDo(Stateful()), "step `Told`, which keeps state"),
        (beam.WindowInto(FixedWindows(5)), "step `Told`, which has windows"),
    ],
)
def test_step_that_is_not_translated_is_refused(
    step: beam.PTransform, why: str
) -> None:
    pipeline = in_memory_pipeline()
    _ = pipeline | beam.Create([("key", 1)]) | "Told" >> step
    with pytest.raises(BeamEngineError, match=why):
        dask_graph(pipeline, lambda _: 1)
