"""`shardline compile`: what it passes on, and what it says of the pipeline's name."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from shardline.configs import ConfigError
from shardline.configs.fault import Fault

OPTIONS = [
    "--pipeline-root=/root",
    "--serving-dir=/serving",
    "--data-path=/data",
    "--image=image",
    "--output=spec.json",
]


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What was to be compiled, in the place of a specification."""
    passed: dict[str, Any] = {}
    monkeypatch.setattr(
        "shardline.pipeline.platforms.specification.compile_specification",
        lambda run, target, output, config: passed.update(
            run=run, target=target, output=output, config=config
        ),
    )
    return passed


def test_options_are_passed_on(
    invoke: Callable[..., Result],
    small_config: Callable[..., Path],
    compiled: dict[str, Any],
) -> None:
    config = small_config()

    result = invoke("compile", config, "--runner=kubeflow", *OPTIONS)

    assert result.exit_code == 0, result.output
    assert result.output == "Wrote spec.json\n"
    assert compiled["run"].name == "small"
    assert (compiled["output"], compiled["config"]) == (Path("spec.json"), config)
    target = compiled["target"]
    assert target.runner == "kubeflow"
    assert (target.pipeline_root, target.serving_dir) == ("/root", "/serving")
    assert (target.data_path, target.image) == ("/data", "image")


def test_section_of_the_configuration_stands_in_for_options(
    invoke: Callable[..., Result],
    small_config: Callable[..., Path],
    compiled: dict[str, Any],
) -> None:
    config = small_config()
    config.write_text(
        config.read_text() + "\nplatform: {image: registry/shardline:1, "
        "pipeline_root: 'gs://b/root', serving_dir: 'gs://b/serving', "
        "data_path: 'gs://b/data'}\n"
    )

    result = invoke(
        "compile", config, "--runner=vertex", "--output=spec.json", "--image=other:2"
    )

    assert result.exit_code == 0, result.output
    target = compiled["target"]
    assert (target.image, target.data_path) == ("other:2", "gs://b/data")


def test_pipeline_of_another_name_than_its_run_is_told(
    invoke: Callable[..., Result],
    small_config: Callable[..., Path],
    compiled: dict[str, Any],
) -> None:
    config = small_config(name="s" * 80)

    result = invoke("compile", config, "--runner=kubeflow", *OPTIONS)

    assert result.exit_code == 0, result.output
    assert "Its pipeline is `shardline-sss" in result.output
    assert f"and the run is `{'s' * 80}`." in result.output


def test_unknown_runner_is_told(
    invoke: Callable[..., Result], small_config: Callable[..., Path]
) -> None:
    result = invoke("compile", small_config(), "--runner=airflow", *OPTIONS)

    assert result.exit_code == 1
    assert "There is no runner `airflow`; use kubeflow or vertex." in result.output


@pytest.mark.parametrize(
    "error", [ConfigError(Fault((), "no class")), OSError("no folder")]
)
def test_error_of_the_compiler_is_told(
    invoke: Callable[..., Result],
    small_config: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
) -> None:
    def refuse(*arguments: Any) -> None:
        raise error

    monkeypatch.setattr(
        "shardline.pipeline.platforms.specification.compile_specification", refuse
    )

    result = invoke("compile", small_config(), "--runner=kubeflow", *OPTIONS)

    assert result.exit_code == 1
    assert result.output == f"{error}\n"
