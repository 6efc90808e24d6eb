"""Which components a pipeline has, and which parts there are of it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tfx.dsl.compiler.compiler import Compiler

from shardline.configs import load_run
from shardline.configs.schema import Run
from shardline.pipeline.pipeline import create_pipeline
from shardline.pipeline.steps import PartError, check_force, part_of, steps_of

pytestmark = pytest.mark.orchestration


@pytest.fixture
def whole(small_config: Callable[..., Path]) -> Run:
    """A run of data that comes whole."""
    return load_run(small_config())


@pytest.fixture
def spans(spans_config: Path) -> Run:
    """A run of data in spans."""
    return load_run(spans_config)


@pytest.fixture
def compared(small_config: Callable[..., Path]) -> Run:
    """A run of data that comes whole, whose model is compared."""
    return load_run(small_config(min_auc="0.55\n  regression: {auc: 0.01}"))


@pytest.mark.parametrize("kind", ["whole", "spans", "compared"])
def test_components_are_those_of_the_compiled_pipeline(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    run = request.getfixturevalue(kind)
    pipeline = create_pipeline(
        run,
        pipeline_root=str(tmp_path),
        data_path="/data",
        data_version="1",
        serving_dir="/serving",
        metadata_path=str(tmp_path / "metadata.sqlite"),
    )

    nodes = [node.pipeline_node for node in Compiler().compile(pipeline).nodes]

    steps = steps_of(run)
    assert {one: sorted(before) for one, before in steps.items()} == {
        node.node_info.id: sorted(node.upstream_nodes) for node in nodes
    }
    for position, one in enumerate(steps):
        assert set(steps[one]) <= set(list(steps)[:position])


@pytest.mark.parametrize(
    ("first", "last", "components", "needed"),
    [
        (
            "Trainer",
            None,
            "Trainer Exporter ServingValidator Evaluator Pusher",
            "ReaderExampleGen FeatureTransform",
        ),
        (None, "FeatureTransform", "ReaderExampleGen FeatureTransform", ""),
        (
            "Trainer",
            "Evaluator",
            "Trainer Exporter Evaluator",
            "ReaderExampleGen FeatureTransform",
        ),
        (
            "Pusher",
            "Pusher",
            "Pusher",
            "ReaderExampleGen FeatureTransform Trainer Exporter ServingValidator "
            "Evaluator",
        ),
        ("ReaderSchemaGen", None, "ReaderSchemaGen ExampleValidator", "READ"),
    ],
)
def test_part_is_what_lies_between(
    whole: Run, first: str | None, last: str | None, components: str, needed: str
) -> None:
    part = part_of(whole, first, last)

    assert part.components == tuple(components.split())
    read = "ReaderExampleGen StatisticsGen"
    assert part.needed == tuple(needed.replace("READ", read).split())


def test_in_spans_a_part_needs_the_plan(spans: Run) -> None:
    part = part_of(spans, "Trainer", "Trainer")

    assert part.needed == ("SpanPlanner", "SpanExamples", "FeatureTransform")
    assert part_of(spans, "SpanPlanner", None).needed == ()


@pytest.mark.parametrize(
    ("first", "last", "error"),
    [
        ("Traner", None, "no component `Traner`; did you mean Trainer?"),
        (None, "x", r"no component `x`\. This pipeline has ReaderExampleGen, Read"),
        ("SpanPlanner", None, "has no SpanPlanner: it is of data in spans"),
        ("ModelComparator", None, "no ModelComparator: models are compared where `ev"),
        (
            "Exporter",
            "Trainer",
            "Exporter comes after Trainer, .* round: --from Trainer --to Exporter",
        ),
        ("ReaderSchemaGen", "Trainer", "Trainer takes nothing that ReaderSchemaGen"),
    ],
)
def test_part_that_there_is_not_is_an_error(
    whole: Run, first: str | None, last: str | None, error: str
) -> None:
    with pytest.raises(PartError, match=error):
        part_of(whole, first, last)


def test_in_spans_there_is_no_component_for_whole_data(spans: Run) -> None:
    with pytest.raises(PartError, match="no StatisticsGen: it is of whole data"):
        part_of(spans, "StatisticsGen", None)


def test_force_takes_a_part_that_publishes_and_records(whole: Run, spans: Run) -> None:
    check_force(whole, part_of(whole, "Pusher", "Pusher"))
    check_force(spans, part_of(spans, "Pusher", None))

    with pytest.raises(PartError, match="this part of the pipeline is Trainer, Exp"):
        check_force(whole, part_of(whole, "Trainer", "Exporter"))
    with pytest.raises(PartError, match="has to be recorded as well"):
        check_force(spans, part_of(spans, "Pusher", "Pusher"))
