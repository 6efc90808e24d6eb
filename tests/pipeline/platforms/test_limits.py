"""What a platform can tell a container."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from shardline.configs import load_run
from shardline.pipeline.commands.app import app
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


@pytest.fixture
def wide_config(small_config: Callable[..., Path]) -> Callable[..., Path]:
    """Writes the small configuration with so many more features and tables."""

    def write(features: int, name: str = "user") -> Path:
        path = small_config()
        text = path.read_text()
        names = [f"{name}_{number}" for number in range(features)]
        for section, lines in {
            "features": [
                f"  {one}: {{table: {one}, column: user_id}}" for one in names
            ],
            "tables": [f"  {one}: {{dim: 8}}" for one in names],
        }.items():
            text = text.replace(
                f"\n{section}:\n", "\n".join(["", f"{section}:", *lines, ""])
            )
        path.write_text(text)
        return path

    return write


def test_a_thousand_features_can_be_told(wide_config: Callable[..., Path]) -> None:
    told = load_run(wide_config(1000)).feature_set.as_parameter()

    assert list(size_faults(_spec(feature_set=told))) == []


def test_configuration_of_too_many_features_is_not_compiled(
    wide_config: Callable[..., Path], tmp_path: Path
) -> None:
    config, output = wide_config(300, "u" * 120), tmp_path / "spec.json"

    result = CliRunner().invoke(
        app,
        [
            *("compile", str(config), "--runner=kubeflow", "--image=shardline:1"),
            *("--pipeline-root=gs://b/artifacts", "--serving-dir=gs://b/serving"),
            *("--data-path=gs://b/ml-100k.zip", f"--output={output}"),
        ],
    )

    assert result.exit_code == 1
    assert "would have to tell Trainer" in " ".join(result.output.split())
    assert not output.exists()
