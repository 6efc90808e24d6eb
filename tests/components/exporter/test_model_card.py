"""The card says what the model is, and nothing of when and where it was exported."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from shardline.components.contracts.checkpoint_manifest import load_manifest
from shardline.components.contracts.data_card import DataCounts
from shardline.components.exporter.model_card import ModelCard, card_of, write_card
from shardline.components.exporter.table_files import TableRows
from shardline.configs.schema import Latency, Serving

DATA = DataCounts(examples={"train": 96}, rows=100, left_out=4, reasons={"why": 4})


@pytest.fixture
def card(trained: Any, compact: Any) -> ModelCard:
    """The card of the model with two smaller tables."""
    return card_for(trained, compact)


def card_for(trained: Any, exported: Any, serving: Serving | None = None) -> ModelCard:
    manifest = load_manifest(str(trained.checkpoint))
    tables = [
        TableRows(
            name, manifest.rows[name], 8, exported.precisions.get(name, "float32")
        )
        for name in manifest.rows
    ]
    return card_of(
        str(exported.folder),
        "shop",
        tables,
        checkpoint_folder=str(trained.checkpoint),
        checkpoint_uri="gs://bucket/checkpoint",
        transform_output=trained.output,
        serving=serving or Serving(),
        data=DATA,
    )


def test_card_names_checkpoint_metrics_and_tables(
    trained: Any, card: ModelCard
) -> None:
    index = (trained.checkpoint / "checkpoint.index").read_bytes()

    assert card.name == "shop"
    assert card.data == DATA
    assert card.checkpoint.model_dump() == {
        "uri": "gs://bucket/checkpoint",
        "digest": hashlib.sha256(index).hexdigest(),
        "steps": 12,
        "hosts": 3,
    }
    assert card.metrics == {"auc": 0.75}
    assert card.vocabularies == {}
    assert card.tables["item"].model_dump() == {
        "rows": 50,
        "dim": 8,
        "form": "int8",
        "bytes": 50 * (8 + 4),
        "optimizer": "adagrad",
        "policy": "error",
    }
    assert {t: (c.precision, c.bytes, c.policy) for t, c in card.tables.items()} == {
        "item": ("int8", 600, "error"),
        "shop": ("float16", 40 * 16, "drop"),
        "word": ("float32", 31 * 32, "oov_row"),
        "day": ("float32", 7 * 32, "error"),
    }


def test_sizes_are_those_of_the_files(compact: Any, card: ModelCard) -> None:
    files = [p for p in compact.folder.rglob("*") if p.is_file()]
    counted = sum(p.stat().st_size for p in files if "assets.extra" not in p.parts)
    graph = (compact.folder / "saved_model.pb").stat().st_size

    sizes = card.sizes
    assert sizes.total == counted
    assert sizes.tables == 600 + 640 + 31 * 32 + 7 * 32
    assert graph < sizes.graph < graph + 1000
    assert sizes.vocabularies == 0
    assert sizes.total == sizes.graph + sizes.tables + sizes.dense


def test_signatures_are_listed_with_their_inputs_and_outputs(card: ModelCard) -> None:
    assert list(card.signatures) == ["columns", "lookup", "serving_default"]
    default = card.signatures["serving_default"].model_dump()
    assert default == {
        "inputs": {"examples": {"dtype": "string", "shape": [-1]}},
        "outputs": {"scores": {"dtype": "float32", "shape": [-1]}},
    }
    lookup = card.signatures["lookup"]
    assert lookup.inputs["bought_weights"].dtype == "float32"
    assert lookup.outputs["bought"].shape == [-1, 8]
    assert lookup.outputs["seen"].shape == [-1, 3, 8]


def test_configuration_digest_changes_with_what_is_asked_for_only(
    trained: Any, compact: Any, card: ModelCard
) -> None:
    limited = Serving(max_latency=Latency(milliseconds=5))

    assert card_for(trained, compact) == card
    other = card_for(trained, compact, limited)
    assert other.configuration != card.configuration
    assert other == card.model_copy(update={"configuration": other.configuration})


def test_card_is_written_into_the_model(tmp_path: Path, card: ModelCard) -> None:
    write_card(str(tmp_path), card)

    written = json.loads((tmp_path / "assets.extra" / "model.json").read_text())
    assert written == card.model_dump(mode="json")
