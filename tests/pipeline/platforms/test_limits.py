"""What a platform can tell a container."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shardline.configs import load_run
from shardline.pipeline.platforms.limits import MOST_BYTES, size_faults

pytestmark = pytest.mark.orchestration


def _spec(**parameters: str) -> dict[str, Any]:
    told = {
        name: {"runtimeValue": {"constant": value}}
        for name, value in parameters.items()
    }
    trainer = {"inputs": {"parameters": told}}
    return {"root": {"dag": {"tasks": {"Trainer": trainer, "Pusher": {"inputs": {}}}}}}


def test_step_that_would_be_told_too_much_is_named() -> None:
    (fault,) = size_faults(_spec(model="m", feature_set="f" * 120_000))

    assert "Trainer 120,0" in fault.message
    assert "`feature_set`" in fault.message
    assert fault.remedy


def test_what_a_container_takes_is_no_fault() -> None:
    assert list(size_faults(_spec(model="m", feature_set="f" * 110_000))) == []


def test_limit_is_that_of_this_system() -> None:
    subprocess.run(["/bin/true", "a" * MOST_BYTES], check=True)

    with pytest.raises(OSError, match="Argument list too long"):
        subprocess.run(["/bin/true", "a" * (MOST_BYTES + 1)], check=True)


def test_a_thousand_features_can_be_told(
    small_config: Callable[..., Path], tmp_path: Path
) -> None:
    text = small_config().read_text()
    for section, line in {
        "features:": "  user_{0}: {{table: user_{0}, column: user_id}}\n",
        "tables:": "  user_{0}: {{dim: 8}}\n",
    }.items():
        lines = "".join(line.format(number) for number in range(1000))
        text = text.replace(f"\n{section}\n", f"\n{section}\n{lines}")
    path = tmp_path / "wide.yaml"
    path.write_text(text)

    told = load_run(path).feature_set.as_parameter()

    assert list(size_faults(_spec(feature_set=told))) == []
