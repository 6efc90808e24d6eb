"""`shardline doctor` shows its diagnoses and ends by the gravest."""

import io
import re
from collections.abc import Callable

import pytest
from rich.console import Console
from typer.testing import Result

from shardline.pipeline.commands.doctor import print_diagnoses
from shardline.pipeline.doctor.diagnosis import Diagnosis


def test_every_diagnosis_is_printed_and_then_the_remedies_needed() -> None:
    output = io.StringIO()
    diagnoses = [
        Diagnosis("python", "ok", "3.11.7"),
        Diagnosis(
            "packages", "error", "absl [not a style] absent", "Run `make setup`."
        ),
    ]

    print_diagnoses(diagnoses, Console(file=output, width=100))

    table, _, remedies = output.getvalue().partition("\npackages: ")
    assert re.search(r"python +│ ok +│ 3\.11\.7", table)
    assert re.search(r"packages +│ error +│ absl \[not a style\] absent", table)
    assert remedies == "Run `make setup`.\n"


@pytest.mark.parametrize(
    ("status", "exit_code"), [("ok", 0), ("warning", 0), ("error", 1)]
)
def test_exit_code_tells_whether_a_run_would_stop(
    invoke: Callable[..., Result],
    monkeypatch: pytest.MonkeyPatch,
    status: str,
    exit_code: int,
) -> None:
    diagnoses = [
        Diagnosis("python", "ok", "3.11.7"),
        Diagnosis("disk", status, "0.5 GB free", "Free disk space."),  # type: ignore[arg-type]
    ]
    monkeypatch.setattr(
        "shardline.pipeline.doctor.diagnosis.diagnose", lambda: diagnoses
    )

    result = invoke("doctor")

    assert result.exit_code == exit_code
    assert result.output.startswith("Checking the environment, which takes about 20 s")
    assert "0.5 GB free" in result.output
    assert ("disk: Free disk space." in result.output) == (status != "ok")
