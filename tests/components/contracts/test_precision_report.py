"""The report of how tables are held, as models keep it."""

import json
from pathlib import Path

from shardline.components.contracts.precision_report import (
    PrecisionReport,
    TriedPrecision,
    Variant,
    held_precisions,
    load_precision_report,
)

REPORT = PrecisionReport(
    tables={"user": "int8"},
    asked={"user": "auto"},
    examples=9,
    normalized_entropy=0.8,
    float32_normalized_entropy=0.8,
    increase=0.0,
    max_increase=0.001,
    why="",
    trials=[TriedPrecision(table="user", precision="int8", increase=None, kept=False)],
    variants={
        "chosen": Variant(
            table_bytes=1, model_bytes=2, normalized_entropy=0.8, increase=0.0
        )
    },
)


def test_report_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    REPORT.save(str(tmp_path))

    assert load_precision_report(str(tmp_path)) == REPORT


def test_file_keeps_its_name_and_keys(tmp_path: Path) -> None:
    """Models that were published once are read by them."""
    REPORT.save(str(tmp_path))

    written = json.loads((tmp_path / "assets.extra" / "forms.json").read_text())
    assert written["trials"] == [
        {"table": "user", "form": "int8", "increase": None, "kept": False}
    ]


def test_model_of_float32_tables_has_no_report(tmp_path: Path) -> None:
    assert load_precision_report(str(tmp_path)) is None


def test_card_says_how_tables_are_held(tmp_path: Path) -> None:
    assert held_precisions(str(tmp_path)) == {}
    (tmp_path / "assets.extra").mkdir()
    card = {"tables": {"user": {"form": "float16"}}, "unknown": 1}
    (tmp_path / "assets.extra" / "model.json").write_text(json.dumps(card))

    assert held_precisions(str(tmp_path)) == {"user": "float16"}
