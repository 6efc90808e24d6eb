"""The probe of an engine's workers before the work begins."""

import json
from pathlib import Path

import pytest

from shardline.components.execution.beam_engines import probe
from shardline.components.execution.beam_engines.errors import BeamEngineError
from shardline.components.execution.in_memory_beam import in_memory_pipeline


def test_fit_workers_leave_nothing(tmp_path: Path) -> None:
    probe.check_engine(in_memory_pipeline(), str(tmp_path))

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"sees": False}, r"far does not see .*Name an output that this process and"),
        ({"Python": "3.8.1"}, r"far has Python 3\.8\.1, and here it is 3\.11\.\d+"),
        (
            {"code of this project": "0ld"},
            r"far has code of this project 0ld, and here it is \w{16}\. Let workers",
        ),
    ],
)
def test_unfit_worker_is_named(
    told: dict[str, object],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    look = {"host": "far", "sees": True, **probe._of_process(), **told}
    monkeypatch.setattr(probe, "_look", lambda *_: json.dumps(look))
    with pytest.raises(BeamEngineError, match=message):
        probe.check_engine(in_memory_pipeline(), str(tmp_path))


def test_report_that_is_nowhere_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = probe.WriteReports(str(tmp_path / "elsewhere"))
    monkeypatch.setattr(probe, "WriteReports", lambda _: elsewhere)
    with pytest.raises(BeamEngineError, match="A worker does not see"):
        probe.check_engine(in_memory_pipeline(), str(tmp_path))
