"""Trials of the gate: a model in service, a candidate, and ModelComparator's verdict.

Every part is the real one: the analysis, the transform graph, the learner, the exporter
and the comparator; the world alone is made up. The model in service has learnt months 1
to 3. The candidate goes on from it with month 4, and month 5 judges. A fault is put
into months 4 and 5, or into the vocabulary.
"""

import dataclasses
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tensorflow as tf
import tensorflow_transform as tft
from tfx.types import artifact_utils, standard_artifacts
from tfx.utils import path_utils
from tfx_bsl.coders import example_coder

from benchmarks.continuous.world import (
    COLUMNS,
    Row,
    World,
    profile_of,
    serialized,
    with_leaked_labels,
    with_shifted_labels,
)
from shardline.components.comparison.executor import Executor
from shardline.components.contracts.artifacts import ModelComparison, SpanPlan
from shardline.components.contracts.checkpoint_manifest import (
    CheckpointManifest,
    checkpoint_prefix,
)
from shardline.components.contracts.spans import plan as plans
from shardline.components.contracts.spans.comparison import (
    Comparison,
    load_comparison,
)
from shardline.components.contracts.spans.files import SpanFiles, SpanPart
from shardline.components.exporter.model_card import card_of, write_card
from shardline.components.exporter.serving_model import ServingModel
from shardline.components.features.analysis.in_process import analyze_batches
from shardline.components.features.analysis.statistics import FeatureStatistics
from shardline.components.features.graph.loaded_graph import LoadedGraph
from shardline.components.features.graph.schema import example_schema
from shardline.components.features.graph.writer import write_transform_graph
from shardline.components.features.writing.example_files import TFRecordWriter
from shardline.components.model.engine_config import table_rows
from shardline.components.pusher.publication import Record
from shardline.components.pusher.publish import publish_model
from shardline.components.trainer.inputs import BatchReader
from shardline.components.trainer.learner import new_learner
from shardline.components.trainer.loop import save
from shardline.configs.schema import (
    Evaluation,
    FeatureSet,
    Model,
    Publishing,
    Regression,
    Serving,
    Target,
    Training,
)

FEATURES = FeatureSet.model_validate(
    {
        "features": {
            "user": {"table": "user"},
            "item": {"table": "item"},
            "genre": {"table": "genre", "default": "none"},
            "page": {"table": "page"},
            "history": {"table": "item", "combiner": "mean"},
        },
        "tables": {
            name: {"dim": 8, "optimizer": {"adagrad": {"learning_rate": 0.1}}}
            for name in ("user", "item", "genre", "page")
        },
    }
)
TARGET = Target(label="label")
EVALUATION = Evaluation(
    min_auc=0.5, regression=Regression(), group_by="user", bootstrap=200
)
_MODEL = Model(options={"hidden_units": [16]})
_BATCH = 100
_LEARNT, _NEW, _JUDGED = (1, 2, 3), 4, 5


@dataclasses.dataclass(frozen=True)
class Fault:
    """What goes wrong.

    Attributes:
        train: changes month 4, of a world.
        evaluate: changes month 5.
        shuffles: whether the candidate reads the vocabularies in another order.
    """

    train: Callable[[World, list[Row]], list[Row]] = lambda world, rows: rows
    evaluate: Callable[[World, list[Row]], list[Row]] = lambda world, rows: rows
    shuffles: bool = False


def _leaks(world: World, rows: list[Row]) -> list[Row]:
    return with_leaked_labels(rows, world.seed)


FAULTS = {
    "label shift": Fault(
        train=lambda world, rows: with_shifted_labels(rows, world.seed)
    ),
    "leaked label": Fault(train=_leaks, evaluate=_leaks),
    "shuffled vocabulary": Fault(shuffles=True),
    "dropped feature": Fault(
        train=lambda world, rows: [row | {"genre": []} for row in rows]
    ),
    "span twice": Fault(train=lambda world, rows: world.span(3)),
    "span of another month": Fault(train=lambda world, rows: world.span(2, again=1)),
}
# The gates that are there for a fault, one of which must close.
BLOCKED_BY = {
    "label shift": "data.label",
    "leaked label": "suspicious_auc",
    "shuffled vocabulary": "regression.auc",
    "dropped feature": "data.columns",
    "span twice": "data.repeated",
    "span of another month": "data.time",
}


class Trials:
    """A world with a model in service, against which candidates are tried."""

    def __init__(self, world: World, folder: Path):
        """Trains and publishes the model in service.

        Args:
            world: what to learn.
            folder: to work in.
        """
        self._world = world
        self._folder = folder
        self._months = {month: world.span(month) for month in (*_LEARNT, _NEW, _JUDGED)}
        learnt = [row for month in _LEARNT for row in self._months[month]]
        statistics, vocabularies = _analysed(learnt, folder / "vocabularies")
        self._statistics, self._vocabularies = statistics, vocabularies
        self._graph = _graph(statistics, vocabularies, folder / "graph")
        output = tft.TFTransformOutput(str(self._graph))
        self._rows = table_rows(FEATURES, output)
        self._learner = new_learner(
            FEATURES, self._rows, _MODEL, Training(batch_size=_BATCH, steps=1)
        )
        self._train(learnt, self._graph, epochs=2)
        exported = self._export(folder / "served", self._graph)
        self.serving = folder / "serving"
        record = Record(origin={"spans": "2026-01, 2026-02, 2026-03"})
        publish_model(exported, str(self.serving), Publishing(), record)

    def judged(self, fault: Fault | None = None) -> Comparison:
        """Trains a candidate, with a fault or without, and has it compared."""
        fault = fault or Fault()
        train = fault.train(self._world, self._months[_NEW])
        evaluate = fault.evaluate(self._world, self._months[_JUDGED])
        work = self._folder / "candidate"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        graph = self._graph
        if fault.shuffles:
            graph = self._shuffled_graph(work)
        base = _checkpoint_beside(self._folder / "served")
        status = self._learner.checkpoint().read(checkpoint_prefix(base))
        status.assert_consumed()
        self._train(train, graph, epochs=1)
        model = standard_artifacts.Model()
        model.uri = str(work / "model")
        self._export(Path(path_utils.serving_model_dir(model.uri)), graph)
        examples = _examples(work / "examples", train, evaluate)
        return self._compared(work, model, examples)

    def _compared(self, work: Path, model: Any, examples: Any) -> Comparison:
        plan, comparison = SpanPlan(), ModelComparison()
        plan.uri, comparison.uri = str(work / "plan"), str(work / "comparison")
        history = {_name(m): profile_of(self._months[m]) for m in _LEARNT}
        plans.SpanPlan(
            train=(_planned(_NEW),),
            new=(_name(_NEW),),
            evaluate=_planned(_JUDGED),
            history=history,
        ).save(plan.uri)
        Executor().Do(
            {"examples": [examples], "model": [model], "plan": [plan]},
            {"comparison": [comparison]},
            {
                "serving_dir": str(self.serving),
                "evaluation": EVALUATION.model_dump_json(),
                "target": TARGET.model_dump_json(),
                "feature_set": FEATURES.model_dump_json(),
                "code_version": "",
            },
        )
        return load_comparison(comparison.uri)

    def _train(self, rows: list[Row], graph: Path, epochs: int) -> None:
        file = _transformed(rows, graph, self._folder / "records")
        spec = tft.TFTransformOutput(str(graph)).transformed_feature_spec()
        reader = BatchReader(spec, FEATURES, TARGET, _BATCH)
        batches = iter(reader.training_batches([str(file)], seed=self._world.seed))
        self._learner.train(batches, tf.constant(epochs * len(rows) // _BATCH))

    def _export(self, target: Path, graph: Path) -> str:
        checkpoint = _checkpoint_beside(target)
        save(self._learner, checkpoint_prefix(checkpoint))
        CheckpointManifest(
            steps=int(self._learner.step),
            hosts=1,
            rows=self._rows,
            feature_set=FEATURES,
            model=_MODEL,
            metrics={},
            label="label",
        ).save(checkpoint)
        output = tft.TFTransformOutput(str(graph))
        served = ServingModel(checkpoint, output)
        served.save(str(target))
        card = card_of(
            str(target),
            "world",
            served.table_rows,
            checkpoint_folder=checkpoint,
            checkpoint_uri=checkpoint,
            transform_output=output,
            serving=Serving(),
        )
        write_card(str(target), card)
        return str(target)

    def _shuffled_graph(self, work: Path) -> Path:
        """Returns a graph of the same vocabularies, each in another order."""
        shuffled = work / "vocabularies"
        shuffled.mkdir()
        for file in self._vocabularies.iterdir():
            lines = file.read_bytes().splitlines()
            random.Random(self._world.seed).shuffle(lines)
            (shuffled / file.name).write_bytes(b"\n".join(lines) + b"\n")
        return _graph(self._statistics, shuffled, work / "graph")


def _name(month: int) -> str:
    return f"2026-{month:02}"


def _planned(month: int) -> plans.PlannedSpan:
    return plans.PlannedSpan(span=_name(month), digest=f"{month}")


def _checkpoint_beside(model: Path) -> str:
    return str(model.with_name(f"{model.name}-checkpoint"))


def _analysed(rows: list[Row], folder: Path) -> tuple[FeatureStatistics, Path]:
    folder.mkdir()
    preprocessing = FEATURES.preprocessing(TARGET)
    statistics = analyze_batches([_batch(rows)], preprocessing, str(folder))
    for counts in folder.glob("*.counts"):
        counts.unlink()
    return statistics, folder


def _graph(statistics: FeatureStatistics, vocabularies: Path, folder: Path) -> Path:
    settings = FEATURES.preprocessing(TARGET)
    write_transform_graph(str(folder), settings, statistics, str(vocabularies))
    return folder


def _transformed(rows: list[Row], graph: Path, folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    loaded = LoadedGraph(str(graph))
    writer = TFRecordWriter(str(folder / "records"), loaded.new_encoding())
    writer.write(loaded.transformed(_batch(rows)))
    writer.finish()
    return next(folder.iterdir())


def _batch(rows: list[Row]) -> Any:
    schema = example_schema(COLUMNS).SerializeToString()
    decoder = example_coder.ExamplesToRecordBatchDecoder(schema)
    return decoder.DecodeBatch(serialized(rows))


def _examples(folder: Path, train: list[Row], evaluate: list[Row]) -> Any:
    """Returns Examples as SpanExamples writes them."""
    examples = standard_artifacts.Examples()
    examples.uri = str(folder)
    examples.split_names = artifact_utils.encode_split_names(["train", "eval"])
    parts = []
    for split, month, rows in (("train", _NEW, train), ("eval", _JUDGED, evaluate)):
        below = folder / f"Split-{split}"
        below.mkdir(parents=True)
        file = f"{_name(month)}.gz"
        with tf.io.TFRecordWriter(str(below / file), "GZIP") as writer:
            for record in serialized(rows):
                writer.write(record)
        part = SpanPart(
            planned=_planned(month),
            split=split,
            files=(file,),
            examples=len(rows),
            profile=profile_of(rows),
        )
        parts.append(part)
    SpanFiles(parts=tuple(parts)).save(str(folder))
    return examples
