"""FeatureTransform's executor on plans: the vocabularies of run after run."""

import logging
from pathlib import Path
from typing import Any

import pytest
import tensorflow_transform as tft
from shardline_tests import load
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.types import standard_artifacts
from tfx.types.channel import Channel

from shardline.components.contracts.artifacts import LivingVocabulary
from shardline.components.contracts.artifacts import SpanPlan as SpanPlanArtifact
from shardline.components.contracts.living_state import VocabularyError
from shardline.components.contracts.living_vocabulary import load_vocabularies
from shardline.components.contracts.spans.plan import Base, SpanPlan
from shardline.components.execution.in_memory_beam import in_memory_pipeline
from shardline.components.features.component import FeatureTransform
from shardline.components.features.executor import Executor
from shardline.components.features.living.diff import changes_between
from shardline.configs.schema import Feature, FeatureSet, Living, Table, Target

stored_spans = load("components/span_examples/stored_spans.py")
FIRST_DAY, SECOND_DAY, THIRD_DAY = stored_spans.DAYS
PREPROCESSING = FeatureSet(
    features={
        "user": Feature(table="user"),
        "tags": Feature(table="tag", combiner="sum"),
    },
    # A day has eleven users, and none of another day's.
    tables={
        "user": Table(dim=1, living=Living(capacity=15)),
        "tag": Table(dim=1),
    },
).preprocessing(Target(label="label"))


class Transforms:
    """Runs the executor on the examples of spans, each run from the one before."""

    def __init__(self, folder: Path) -> None:
        stored_spans.write_days(folder / "data")
        self.runs = stored_spans.Runs(folder)
        self.vocabularies: str | None = None

    def run(self, *train: str, new: list[str], evaluate: str) -> dict[str, Any]:
        """Returns the artifacts that a run wrote, by name."""
        examples = self.runs.run(*train, evaluate=evaluate)
        folder = self.runs.folder / "FeatureTransform"
        number = str(self.runs.number)
        plan = SpanPlan(train=self.runs.planned(*train), new=tuple(new), base=self.base)
        planned = SpanPlanArtifact()
        planned.uri = str(self.runs.folder / "plans" / number)
        plan.save(planned.uri)
        made = {
            "transform_graph": standard_artifacts.TransformGraph(),
            "transformed_examples": standard_artifacts.Examples(),
            "vocabularies": LivingVocabulary(),
        }
        for name, artifact in made.items():
            artifact.uri = str(folder / name / number)
        context = BaseBeamExecutor.Context(make_beam_pipeline_fn=in_memory_pipeline)
        Executor(context).Do(
            {"examples": [examples], "plan": [planned]},
            {name: [artifact] for name, artifact in made.items()},
            {
                "preprocessing": PREPROCESSING.model_dump_json(),
                "cache_folder": "",
                "code_version": "1",
            },
        )
        self.vocabularies = made["vocabularies"].uri
        return made

    @property
    def base(self) -> Base | None:
        if self.vocabularies is None:
            return None
        return Base(
            checkpoint="", vocabularies=self.vocabularies, transform_graph="",
            steps=1, spans=(),
        )  # fmt: skip


@pytest.fixture
def transforms(tmp_path: Path) -> Transforms:
    return Transforms(tmp_path)


def lines(made: dict[str, Any], table: str) -> list[str]:
    """Returns the lines of a vocabulary, those of free rows empty."""
    file = Path(made["vocabularies"].uri) / table
    return [
        "" if "free row" in line else line for line in file.read_text().splitlines()
    ]


def test_runs_carry_vocabularies_on(
    transforms: Transforms, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "shardline.features")
    first = transforms.run(FIRST_DAY, new=[FIRST_DAY], evaluate=SECOND_DAY)
    second = transforms.run(FIRST_DAY, SECOND_DAY, new=[SECOND_DAY], evaluate=THIRD_DAY)

    one, two = lines(first, "user"), lines(second, "user")
    assert [len(one), len(two)] == [15, 15]
    assert sorted(one) == ["", "", "", "", *sorted(f"u0_{n}" for n in range(11))]
    # A user of a day is drawn three or four times, so nobody but rarer ones made room.
    assert one[:11] != two[:11]
    assert all(
        now in (was, "") or now[:2] == "u1" for was, now in zip(one, two, strict=True)
    )
    (asset,) = Path(second["transform_graph"].uri).glob("transform_fn/assets/user")
    assert (
        asset.read_text().splitlines()
        == (Path(second["vocabularies"].uri) / "user").read_text().splitlines()
    )
    found = changes_between(first["vocabularies"].uri, second["vocabularies"].uri)
    said = load_vocabularies(second["vocabularies"].uri)
    assert (said.spans, said.updates) == ((FIRST_DAY, SECOND_DAY), 2)
    assert said.parent == load_vocabularies(first["vocabularies"].uri).digest
    assert found["user"].moved == found["tag"].moved == 0
    assert found["user"].admitted.num_rows == said.tables["user"].admitted > 4
    assert "vocabulary `user`: 15 tokens in 15 rows: " in caplog.text
    graph = tft.TFTransformOutput(second["transform_graph"].uri)
    assert graph.vocabulary_size_by_name("tag") == 1000


def test_artifacts_say_which_spans_they_hold(transforms: Transforms) -> None:
    made = transforms.run(
        FIRST_DAY, SECOND_DAY, new=[FIRST_DAY, SECOND_DAY], evaluate=THIRD_DAY
    )

    for artifact in made.values():
        spans = artifact.get_string_custom_property("spans")
        assert spans == f"{FIRST_DAY}, {SECOND_DAY}"


def test_killed_run_gives_the_same_vocabularies_again(transforms: Transforms) -> None:
    transforms.run(FIRST_DAY, new=[FIRST_DAY], evaluate=SECOND_DAY)
    base = transforms.vocabularies
    runs = []
    for _ in range(2):
        transforms.vocabularies = base
        runs.append(transforms.run(SECOND_DAY, new=[SECOND_DAY], evaluate=THIRD_DAY))

    one, other = (load_vocabularies(made["vocabularies"].uri) for made in runs)
    assert one == other


def test_vocabularies_that_are_gone_are_told_before_anything_is_read(
    transforms: Transforms, tmp_path: Path
) -> None:
    transforms.vocabularies = str(tmp_path / "gone")

    with pytest.raises(VocabularyError, match="gone holds no living vocabularies"):
        transforms.run(FIRST_DAY, new=[FIRST_DAY], evaluate=SECOND_DAY)


def test_component_takes_a_plan_and_gives_vocabularies() -> None:
    component = FeatureTransform(
        examples=Channel(type=standard_artifacts.Examples),
        preprocessing=PREPROCESSING,
        cache_folder="",
        plan=Channel(type=SpanPlanArtifact),
    )

    assert set(component.inputs) == {"examples", "plan"}
    assert set(component.outputs) == {
        *("transform_graph", "transformed_examples", "vocabularies")
    }
    assert component.outputs["vocabularies"].type is LivingVocabulary
