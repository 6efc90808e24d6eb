"""Trainings of one span after the other, with vocabularies that tests write."""

import dataclasses
import hashlib
import random
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tfx.types import standard_artifacts
from tfx_bsl.coders import example_coder

from shardline.components.contracts.artifacts import (
    HostShardedCheckpoint,
    LivingVocabulary,
    SpanPlan,
)
from shardline.components.contracts.living_vocabulary import (
    LivingVocabularies,
    TableChanges,
    free_line,
)
from shardline.components.contracts.spans import plan as plans
from shardline.components.features.analysis.in_process import analyze_batches
from shardline.components.features.graph.loaded_graph import LoadedGraph
from shardline.components.features.graph.schema import example_schema
from shardline.components.features.graph.writer import write_transform_graph
from shardline.components.features.writing.example_files import TFRecordWriter
from shardline.components.readers.example_reader import Column
from shardline.components.trainer.executor import Executor
from shardline.configs.schema import Conduct, FeatureSet, Model, Target, Training

SPLITS = ("train", "eval")
EXAMPLES = 64
DLRM = Model(options={"hidden_units": [6], "dropout": 0.3})


@dataclasses.dataclass
class SpanRun:
    """What a Trainer is given in one run, and its outputs.

    Attributes:
        folder: of the inputs.
        features: the feature set.
        tokens: by table, the token of each row; None is a free row.
    """

    folder: Path
    features: FeatureSet
    tokens: dict[str, list[str | None]]

    def __post_init__(self) -> None:
        """Writes examples, transform graph and vocabularies."""
        columns = {
            name: Column("string", ragged=feature.is_ragged)
            for name, feature in self.features.features.items()
        }
        columns["label"] = Column("float")
        schema = example_schema(columns).SerializeToString()
        decoder = example_coder.ExamplesToRecordBatchDecoder(schema)
        numbers = random.Random(5)
        raw = {split: self._examples(numbers) for split in SPLITS}
        preprocessing = self.features.preprocessing(Target(label="label"))
        self.folder.mkdir(parents=True)
        batch = decoder.DecodeBatch(raw["train"])
        statistics = analyze_batches([batch], preprocessing, str(self.folder))
        sizes = self._write_vocabularies()
        known = {
            name: one.model_copy(update={"size": sizes[name]})
            for name, one in statistics.vocabularies.items()
        }
        write_transform_graph(
            str(self.folder / "graph"),
            preprocessing,
            statistics.model_copy(update={"vocabularies": known}),
            str(self.folder / "vocabularies"),
        )
        loaded = LoadedGraph(str(self.folder / "graph"))
        options = tf.io.TFRecordOptions(compression_type="GZIP")
        for split, examples in raw.items():
            for kind in ("raw", "transformed"):
                (self.folder / kind / f"Split-{split}").mkdir(parents=True)
            path = self.folder / "raw" / f"Split-{split}" / "0.gz"
            with tf.io.TFRecordWriter(str(path), options) as writer:
                for example in examples:
                    writer.write(example)
            output = str(self.folder / "transformed" / f"Split-{split}" / "0")
            transformed = TFRecordWriter(output, loaded.new_encoding())
            transformed.write(loaded.transformed(decoder.DecodeBatch(examples)))
            transformed.finish()

    def base(self, checkpoint: Path, spans: tuple[str, ...]) -> plans.Base:
        """Returns what a later run goes on from."""
        return plans.Base(
            checkpoint=str(checkpoint),
            vocabularies=str(self.folder / "vocabularies"),
            transform_graph=str(self.folder / "graph"),
            steps=0,
            spans=spans,
        )

    def train(
        self,
        outputs: Path,
        number: int = 1,
        *,
        base: plans.Base | None = None,
        span: str = "2026-11-02",
        model: Model = DLRM,
        **settings: Any,
    ) -> tuple[Any, Any]:
        """Trains; returns the artifacts of checkpoint and logs."""
        defaults = {"batch_size": 8, "epochs": 1, "steps_per_call": 3}
        if not settings.keys() & {"cluster", "tpu"}:
            defaults["hosts"] = 2
        training = Training(**{**defaults, **settings})
        planned = plans.PlannedSpan(span=span, digest="1")
        plan = plans.SpanPlan(train=(planned,), base=base)
        plan_folder = outputs / "plan" / str(number)
        plan.save(str(plan_folder))
        checkpoint = _artifact(
            HostShardedCheckpoint, outputs / "Trainer" / "checkpoint" / str(number)
        )
        logs = _artifact(
            standard_artifacts.ModelRun, outputs / "Trainer" / "logs" / str(number)
        )
        inputs = {
            "examples": (standard_artifacts.Examples, "raw"),
            "transformed_examples": (standard_artifacts.Examples, "transformed"),
            "transform_graph": (standard_artifacts.TransformGraph, "graph"),
            "vocabularies": (LivingVocabulary, "vocabularies"),
        }
        given = {
            name: [_artifact(kind, self.folder / folder)]
            for name, (kind, folder) in inputs.items()
        }
        given["plan"] = [_artifact(SpanPlan, plan_folder)]
        Executor().Do(
            given,
            {"checkpoint": [checkpoint], "model_run": [logs]},
            {
                "feature_set": self.features.model_dump_json(),
                "model": model.model_dump_json(),
                "target": Target(label="label").model_dump_json(),
                "training": training.model_dump_json(exclude=set(Conduct.model_fields)),
                "conduct": training.conduct.model_dump_json(),
                "parity_examples": 4,
                "code_version": "1",
            },
        )
        return checkpoint, logs

    def _examples(self, numbers: random.Random) -> list[bytes]:
        made = []
        for _ in range(EXAMPLES):
            example = tf.train.Example()
            label = float(numbers.random() < 0.5)
            example.features.feature["label"].float_list.value.append(label)
            for name, feature in self.features.features.items():
                tokens = [token for token in self.tokens[feature.table] if token]
                count = numbers.randrange(4) if feature.is_ragged else 1
                drawn = [numbers.choice([*tokens, "unknown"]) for _ in range(count)]
                values = example.features.feature[name].bytes_list.value
                values.extend(token.encode() for token in drawn)
            made.append(example.SerializeToString())
        return made

    def _write_vocabularies(self) -> dict[str, int]:
        """Writes the artifact; returns the capacity of each table."""
        folder = self.folder / "vocabularies"
        folder.mkdir()
        tables, sizes = {}, {}
        for name, tokens in self.tokens.items():
            lines = [token or free_line(row) for row, token in enumerate(tokens)]
            content = "".join(f"{line}\n" for line in lines).encode()
            (folder / name).write_bytes(content)
            live, sizes[name] = len(list(filter(None, tokens))), len(tokens)
            tables[name] = TableChanges(
                capacity=len(tokens),
                live=live,
                admitted=live,
                evicted=0,
                kept=0,
                waiting=0,
                free=len(tokens) - live,
                digest=hashlib.sha256(content).hexdigest(),
                state_digest="",
            )
        LivingVocabularies(tables=tables, spans=(), updates=1).save(str(folder))
        return sizes


def tables_in(checkpoint: Path) -> dict[str, np.ndarray]:
    """Returns all values of a checkpoint by their keys."""
    reader = tf.train.load_checkpoint(str(checkpoint / "checkpoint"))
    return {
        name.removesuffix("/.ATTRIBUTES/VARIABLE_VALUE"): reader.get_tensor(name)
        for name in reader.get_variable_to_shape_map()
        if name.endswith("VARIABLE_VALUE")
    }


def contents(folder: Path) -> dict[str, bytes]:
    """Returns every file of a folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _artifact(kind: Any, folder: Path) -> Any:
    made = kind()
    made.uri = str(folder)
    if kind is standard_artifacts.Examples:
        made.splits = list(SPLITS)
    return made
