"""Spans of CSV files, read by the component's executor into a store."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.types import standard_artifacts

from shardline.components.contracts.artifacts import SpanPlan as SpanPlanArtifact
from shardline.components.contracts.erasures.reading import ReadErasure
from shardline.components.contracts.spans.plan import PlannedSpan, SpanPlan
from shardline.components.contracts.spans.profile import SpanProfile
from shardline.components.execution.import_path import construct
from shardline.components.execution.in_memory_beam import in_memory_pipeline
from shardline.components.readers.files.read_settings import FILE_READER
from shardline.components.span_examples.executor import Executor
from shardline.configs.features import Target

DAY = 86_400
FIRST = 20_000 * DAY  # 2024-10-04
DAYS = ("2024-10-04", "2024-10-05", "2024-10-06")
COLUMNS = {
    "label": {"dtype": "float"},
    "user": {"dtype": "string"},
    "tags": {"dtype": "string", "ragged": True},
}


def write_days(folder: Path, rows: int = 40, days: Sequence[int] = (0, 1, 2)) -> Path:
    """Writes a folder of CSV for each day, its examples at different times."""
    for day in days:
        lines = ["label,user,tags,at"]
        for row in range(rows):
            tags = "|".join(f"t{(row + n) % 7}" for n in range(row % 3))
            second = FIRST + day * DAY + row * 60
            lines.append(f"{row % 4 == day % 4:d},u{day}_{row % 11},{tags},{second}")
        path = folder / DAYS[day] / "part.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n")
    return folder


class Runs:
    """Runs the executor again and again, as pipelines do, on one store."""

    def __init__(self, folder: Path, **files: Any):
        self.folder = folder
        self.data = folder / "data"
        self.files = {"format": "csv", "splits": {"train": "{SPAN}/*.csv"}} | files
        self.columns: dict[str, Any] = COLUMNS
        self.column: str | None = "at"
        self.every: str | None = None
        self.held_out = 0.25
        self.number = 0
        self.serving = folder / "serving"
        self.store = ""
        self.pipeline: Any = in_memory_pipeline

    @property
    def options(self) -> dict[str, Any]:
        return {
            "files": self.files,
            "columns": self.columns,
            "label": "label",
            "spans": {"column": self.column, "every": self.every},
        }

    def planned(self, *names: str) -> tuple[PlannedSpan, ...]:
        """Plans spans by how people name them, such as 2024-10-04/head."""
        reader: Any = construct(FILE_READER, self.options)
        there = {span.span: span for span in reader.spans(str(self.data))}
        plans = []
        for name in names:
            span, _, part = name.partition("/")
            found = there[span]._asdict()
            plans.append(PlannedSpan(**found, part=part or "all"))
        return tuple(plans)

    def run(
        self,
        *train: str,
        evaluate: str | None = None,
        history: dict[str, SpanProfile] | None = None,
        waits_for: str = "",
    ) -> Any:
        """Runs the executor; gives the artifact of examples."""
        self.number += 1
        plan = SpanPlan(
            train=self.planned(*train),
            evaluate=self.planned(evaluate)[0] if evaluate else None,
            history=history or {},
            waits_for=waits_for,
        )
        planned = SpanPlanArtifact()
        planned.uri = str(self.folder / "SpanPlanner" / "plan" / str(self.number))
        plan.save(planned.uri)
        examples = standard_artifacts.Examples()
        examples.uri = str(self.folder / "SpanExamples" / "examples" / str(self.number))
        properties = {
            "reader": FILE_READER,
            "options": json.dumps(self.options),
            "path": str(self.data),
            "store": self.store,
            "target": Target(label="label").model_dump_json(),
            "time_column": self.column or "",
            "held_out": self.held_out,
            "erasure": ReadErasure(
                serving_dir=str(self.serving), columns={}, read=()
            ).model_dump_json(),
            "code_version": "1",
        }
        context = BaseBeamExecutor.Context(make_beam_pipeline_fn=self.pipeline)
        Executor(context).Do({"plan": [planned]}, {"examples": [examples]}, properties)
        return examples

    @property
    def kept(self) -> dict[str, Path]:
        """The folders of the store, by name."""
        store = self.folder / "SpanExamples" / "spans"
        return {path.name: path for path in sorted(store.glob("*"))}


def times(examples: Any, split: str) -> list[int]:
    """Returns the times of the examples of a split, sorted."""
    files = sorted(str(f) for f in Path(examples.uri).glob(f"Split-{split}/*"))
    records = tf.data.TFRecordDataset(files, "GZIP").as_numpy_iterator()
    parsed = map(tf.train.Example.FromString, records)
    return sorted(e.features.feature["at"].int64_list.value[0] for e in parsed)


def seconds(day: int, rows: range) -> list[int]:
    """Returns the times of rows of a day."""
    return [FIRST + day * DAY + row * 60 for row in rows]
