"""Tables take the lowest precision that quality allows, measured in a fresh process."""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from shardline.components.contracts.checkpoint_manifest import CheckpointManifest
from shardline.components.contracts.precision_report import (
    PrecisionReport,
    load_precision_report,
)
from shardline.components.exporter.quantization import measurement, program
from shardline.components.exporter.quantization.precisions import (
    candidates,
    export_in_precisions,
)
from shardline.components.exporter.quantization.variants import Variants
from shardline.configs.schema import Feature, FeatureSet, Model, Serving, Table
from shardline.embedding.serving.tables import ServingTable, decoded, encoded

EXAMPLES = 1500
ROWS = 50
DIM = 8


def made_tables() -> dict[str, np.ndarray]:
    """Rows of which column 0 does not matter for scores."""
    generator = np.random.default_rng(7)

    def rows(count: int) -> np.ndarray:
        return generator.uniform(-1, 1, [count, DIM]).astype(np.float32)

    # Whole numbers up to 127 are held by every precision as they are.
    whole = generator.integers(-126, 127, [ROWS, DIM]).astype(np.float32)
    whole[:, 0] = 127
    # Beside 1000, int8 takes all other values for 0; float16 does not mind.
    wide = rows(2 * ROWS)
    wide[ROWS:, 0] = 1000
    # Beside 1e6, which is infinite for float16, int8 takes all other values for 0.
    wider = rows(3 * ROWS)
    wider[ROWS:, 0] = 1e6
    return {"even": rows(4 * ROWS), "wider": wider, "wide": wide, "whole": whole}


TABLES = made_tables()
MANIFEST = CheckpointManifest(
    steps=1,
    hosts=1,
    rows={name: len(rows) for name, rows in TABLES.items()},
    feature_set=FeatureSet(
        features={name: Feature(table=name) for name in TABLES},
        tables={name: Table(dim=DIM) for name in TABLES},
    ),
    model=Model(),
    metrics={},
    label="label",
)


class Scorer(tf.Module):
    """A model in its smallest precision: a row for each id, their sum, a score."""

    def __init__(self, precisions: Mapping[str, Any]):
        super().__init__()
        self.tables = {
            name: ServingTable(DIM, [0], precisions[name]) for name in TABLES
        }
        for name, table in self.tables.items():
            for part, values in encoded(precisions[name], TABLES[name]).items():
                table.parts[part].assign(values)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def serve(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        spec = {name: tf.io.FixedLenFeature([], tf.int64) for name in TABLES}
        ids = tf.io.parse_example(examples, spec)
        logit = tf.constant(0.0)
        for name, table in self.tables.items():
            parts = {k: tf.gather(v, ids[name]) for k, v in table.parts.items()}
            rows = tf.cast(parts["rows"], tf.float32)
            if "scales" in parts:
                rows *= parts["scales"][:, None]
            scale = 0.01 if name == "whole" else 1.0
            logit += scale * tf.reduce_sum(rows[:, 1:], axis=1)
        return {"scores": tf.sigmoid(logit)}


def export(precisions: Mapping[str, Any], folder: str) -> None:
    """Writes the model with its tables in these precisions, as the exporter would."""
    for name, precision in precisions.items():
        with np.errstate(over="ignore"):
            held = decoded(precision, encoded(precision, TABLES[name]))
        if not np.isfinite(held).all():
            raise ValueError(f"Table '{name}' cannot be held as {precision}.")
    scorer = Scorer(precisions)
    tf.saved_model.save(scorer, folder, signatures={"serving_default": scorer.serve})


def example(**columns: int | float) -> bytes:
    features = {}
    for name, value in columns.items():
        if isinstance(value, int):
            feature = tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))
        else:
            feature = tf.train.Feature(float_list=tf.train.FloatList(value=[value]))
        features[name] = feature
    return tf.train.Example(
        features=tf.train.Features(feature=features)
    ).SerializeToString()


@pytest.fixture(scope="module")
def ids() -> list[dict[str, int]]:
    """The ids of each example."""
    generator = np.random.default_rng(11)
    return [
        {name: int(generator.integers(len(rows))) for name, rows in TABLES.items()}
        for _ in range(EXAMPLES)
    ]


@pytest.fixture(scope="module")
def labels(ids: list[dict[str, int]]) -> list[float]:
    """The float32 model's own scores: no other scores have a lower entropy."""
    scorer = Scorer(dict.fromkeys(TABLES, "float32"))
    scores = scorer.serve(tf.constant([example(**row) for row in ids]))["scores"]
    return scores.numpy().tolist()


@pytest.fixture
def write_split(
    write_records: Callable[..., str],
    ids: list[dict[str, int]],
    labels: list[float],
    tmp_path: Path,
) -> Callable[..., list[str]]:
    """Writes the split in two files; further columns come by name."""

    def write(**columns: list[float]) -> list[str]:
        columns = {"label": labels, **columns}
        records = [
            example(**row, **{name: values[i] for name, values in columns.items()})
            for i, row in enumerate(ids)
        ]
        return [
            write_records(tmp_path / "a.gz", records[:100]),
            write_records(tmp_path / "b.gz", records[100:]),
        ]

    return write


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measures without the seconds that a fresh process takes to load TensorFlow."""
    monkeypatch.setattr(measurement, "_outcomes", program.outcomes)
    monkeypatch.setattr(program, "_TIMED_REQUESTS", {1: 2, 256: 2})


@pytest.fixture
def report_of(
    in_this_process: None, write_split: Callable[..., list[str]], tmp_path: Path
) -> Callable[..., PrecisionReport]:
    """Exports in the precisions asked for, and returns what the model says of them."""

    def report(
        tables: Any = "auto",
        max_increase: float = 0.0005,
        export: Callable[..., None] = export,
        manifest: CheckpointManifest = MANIFEST,
        **columns: list[float],
    ) -> PrecisionReport:
        serving = Serving(tables=tables, max_entropy_increase=max_increase)
        folder = tmp_path / "exports" / "model"
        folder.mkdir(parents=True)
        export_in_precisions(
            export, str(folder), manifest, serving, write_split(**columns)
        )
        report = load_precision_report(str(folder))
        assert report is not None
        return report

    return report


def test_auto_takes_the_lowest_precision_that_quality_allows(
    report_of: Callable[..., PrecisionReport],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO, "shardline.exporter"):
        report = report_of()

    assert report.tables == {
        "even": "int8",
        "whole": "int8",
        "wide": "float16",
        "wider": "float32",
    }
    assert [(trial.table, trial.precision, trial.kept) for trial in report.trials] == [
        ("even", "int8", True),
        ("wider", "int8", False),
        ("wider", "float16", False),
        ("wide", "int8", False),
        ("wide", "float16", True),
        ("whole", "int8", True),
    ]
    assert 0 < report.increase <= report.max_increase == 0.0005
    assert report.why == ""
    assert report.trials[2].increase is None
    assert report.trials[-1].increase == pytest.approx(report.increase, rel=1e-3)
    # Nothing beside the model is left, and it answers.
    (folder,) = (tmp_path / "exports").iterdir()
    served = tf.saved_model.load(str(folder))
    assert served.tables["even"].parts["rows"].dtype == tf.int8
    assert "wider as float16: normalized entropy +inf %, too much" in caplog.messages
    # Every precision is measured, side by side.
    sizes = {name: variant.table_bytes for name, variant in report.variants.items()}
    assert sizes == {
        "float32": 500 * 4 * DIM,
        "int8": 500 * (DIM + 4),
        "chosen": (200 + 50) * (DIM + 4) + 100 * 2 * DIM + 150 * 4 * DIM,
    }
    assert report.variants["int8"].increase > 0.01
    assert report.variants["float32"].increase == 0
    assert report.variants["chosen"].increase == report.increase
    assert report.examples == EXAMPLES
    assert (
        "not measured with all tables as float16: "
        "Table 'wider' cannot be held as float16." in caplog.messages
    )
    said = [line.split() for line in caplog.messages]
    assert ["tables", "as", "float32", "int8", "chosen"] in said
    assert ["tables,", "MB", "0.016", "0.006", "0.009"] in said
    assert ["tables", "smaller,", "times", "1.00", "2.67", "1.70"] in said


def test_budget_of_zero_takes_only_what_is_lossless(
    report_of: Callable[..., PrecisionReport],
) -> None:
    report = report_of(max_increase=0)

    assert report.tables == dict.fromkeys(TABLES, "float32") | {"whole": "int8"}
    assert report.increase == 0


def test_large_budget_takes_the_lowest_precisions_and_exports_each_once(
    report_of: Callable[..., PrecisionReport],
) -> None:
    exported = []

    def counting(precisions: Mapping[str, Any], folder: str) -> None:
        exported.append(dict(precisions))
        export(precisions, folder)

    report = report_of(max_increase=10, export=counting)

    assert report.tables == dict.fromkeys(TABLES, "int8")
    # All as float16 was asked for too, and refused.
    assert [set(precisions.values()) for precisions in exported] == [
        {"float32"},
        {"int8"},
        {"float16"},
    ]


def test_examples_of_weight_zero_cost_nothing(
    report_of: Callable[..., PrecisionReport], ids: list[dict[str, int]]
) -> None:
    weights = [float(row["wide"] < ROWS and row["wider"] < ROWS) for row in ids]
    manifest = MANIFEST.model_copy(update={"example_weight": "counts"})

    report = report_of(manifest=manifest, counts=weights)

    assert report.tables == dict.fromkeys(TABLES, "int8")


def test_precisions_asked_for_stay_and_take_from_the_budget(
    report_of: Callable[..., PrecisionReport],
) -> None:
    report = report_of(tables={"wide": "int8", "even": "auto", "whole": "auto"})

    assert report.tables == {
        "even": "float32",
        "whole": "float32",
        "wide": "int8",
        "wider": "float32",
    }
    assert report.asked["wider"] == "float32"
    assert report.increase > 0.01
    assert "at most 0.0500% is allowed (serving.max_entropy_increase)" in report.why


def test_precision_that_cannot_hold_a_table_is_refused_if_asked_for(
    report_of: Callable[..., PrecisionReport],
) -> None:
    with pytest.raises(ValueError, match="'wider' cannot be held as float16"):
        report_of(tables={"wider": "float16"})


def test_float32_tables_are_exported_and_not_measured(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(measurement, "_outcomes", None)
    folder = str(tmp_path / "model")

    export_in_precisions(export, folder, MANIFEST, Serving(), [])

    assert load_precision_report(folder) is None
    assert tf.saved_model.load(folder).tables["even"].parts["rows"].dtype == tf.float32


def test_model_that_exceeds_the_budget_once_exported_gives_up_the_last_table(
    report_of: Callable[..., PrecisionReport], caplog: pytest.LogCaptureFixture
) -> None:
    def wrong(precisions: Mapping[str, Any], folder: str) -> None:
        spoilt = {"wide": "int8"} if precisions["whole"] == "int8" else {}
        export({**precisions, **spoilt}, folder)

    with caplog.at_level(logging.INFO, "shardline.exporter"):
        report = report_of(export=wrong)

    assert report.tables["whole"] == "float32"
    assert report.tables["wide"] == "float16"
    assert report.increase <= report.max_increase
    assert "whole is not int8: the exported model exceeds the budget" in caplog.messages


@pytest.mark.parametrize(
    ("dim", "tried"),
    [
        (1, ["float16"]),
        (3, ["float16", "int8"]),
        (4, ["float16", "int8"]),
        (5, ["int8", "float16"]),
    ],
)
def test_forms_that_save_bytes_are_tried_smallest_first(
    dim: int, tried: list[str]
) -> None:
    features = MANIFEST.feature_set.model_copy(
        update={"tables": {"even": Table(dim=dim)}}
    )
    manifest = MANIFEST.model_copy(update={"feature_set": features})
    variants = Variants(export, "", manifest, [])

    assert candidates(variants, ["even"]) == {"even": tried}
