"""The verdict on a model, as the artifact keeps it."""

import json
import math
from pathlib import Path

import pytest

from shardline.components.contracts.validation import (
    Gate,
    Latency,
    Validation,
    load_validation,
)

OPEN = Gate(gate="size", passes=True, value=5, why="the model's files have 5 bytes")
CLOSED = Gate(gate="parity", passes=False, value=math.inf, limit=0.5, why="off")


def test_verdict_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    latency_ms = {1: Latency(p50=1, p90=2, p99=3)}
    validation = Validation(gates=[OPEN, CLOSED], bytes=5, latency_ms=latency_ms)

    validation.save(str(tmp_path / "new"))

    assert load_validation(str(tmp_path / "new")) == validation


@pytest.mark.parametrize(
    ("gates", "closed"), [([OPEN], []), ([OPEN, CLOSED], [CLOSED])], ids=["yes", "no"]
)
def test_model_is_blessed_if_no_gate_is_closed(
    gates: list[Gate], closed: list[Gate], tmp_path: Path
) -> None:
    validation = Validation(gates=gates)
    validation.save(str(tmp_path))

    assert validation.closed == closed
    written = json.loads((tmp_path / "validation.json").read_text())
    assert written["blessed"] is (not closed)


def test_folder_without_a_verdict_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="run ServingValidator"):
        load_validation(str(tmp_path))
