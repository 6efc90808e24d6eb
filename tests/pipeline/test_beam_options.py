"""Which component gets which options of Beam, here and on a platform."""

from collections.abc import Callable
from pathlib import Path

import pytest

from shardline.components.checker import preflight
from shardline.components.execution.worker_processes.number import worker_options
from shardline.configs import ConfigError, load_run
from shardline.pipeline.pipeline import create_pipeline

pytestmark = pytest.mark.orchestration
WORKERS, FLINK = "--direct_num_workers=2", "--runner=FlinkRunner"


@pytest.fixture
def options(small_config: Callable[..., Path], tmp_path: Path) -> Callable[..., dict]:
    """The options that components get, of a configuration with some more lines."""

    def given(text: str, *, is_local: bool) -> dict[str, list[str]]:
        config = small_config()
        config.write_text(config.read_text() + text)
        pipeline = create_pipeline(
            load_run(config),
            pipeline_root=str(tmp_path),
            data_path="/data",
            data_version="1",
            serving_dir="/serving",
            metadata_path=str(tmp_path / "metadata.sqlite") if is_local else None,
            beam_options=() if is_local else ["--runner=InMemory"],
        )
        return {
            component.id: component.executor_spec.beam_pipeline_args
            for component in pipeline.components
            if hasattr(component.executor_spec, "beam_pipeline_args")
        }

    return given


def test_options_of_all_come_before_those_of_one(options: Callable[..., dict]) -> None:
    text = f"\nbeam: {{default: [--a], Evaluator: ['{WORKERS}']}}\n"

    on_platform = options(text, is_local=False)

    assert on_platform["Evaluator"] == ["--runner=InMemory", "--a", WORKERS]
    assert on_platform["FeatureTransform"] == ["--runner=InMemory", "--a"]
    assert options(text, is_local=True)["Evaluator"] == ["--a", WORKERS]


def test_another_runner_is_for_platforms_only(options: Callable[..., dict]) -> None:
    text = f"\nbeam: {{FeatureTransform: ['{FLINK}', --a], Evaluator: [--a]}}\n"

    assert options(text, is_local=False)["FeatureTransform"][1:] == [FLINK, "--a"]
    here = options(text, is_local=True)
    assert here["FeatureTransform"] == []
    assert here["Evaluator"] == ["--a"]


def test_worker_processes_are_options_on_platforms_only(
    options: Callable[..., dict],
) -> None:
    text = "\nworker_processes: {default: 3, Evaluator: 1}\n"

    on_platform = options(text, is_local=False)

    assert on_platform["StatisticsGen"][1:] == worker_options(3)
    assert on_platform["Evaluator"][1:] == on_platform["FeatureTransform"][1:] == []
    assert options(text, is_local=True)["StatisticsGen"] == []


def test_option_that_beam_does_not_know_is_told_with_its_line(
    small_config: Callable[..., Path],
) -> None:
    config = small_config()
    text = config.read_text()
    config.write_text(
        f"{text}\nbeam:\n  Evaluator: ['{WORKERS}', --direct_num_wrkers=2]\n"
    )
    line = text.count("\n") + 3

    with pytest.raises(ConfigError) as raised:
        preflight.check(load_run(config), config)

    assert str(raised.value) == (
        f"{config}:{line}: beam: Beam knows no option `--direct_num_wrkers=2`; "
        "did you mean `--direct_num_workers`?"
    )


@pytest.mark.parametrize(
    "option", ["--direct_num_workers", "--direct_num_workers=abc", "--runner"]
)
def test_value_that_beam_does_not_take_is_told_with_its_line(
    small_config: Callable[..., Path], option: str
) -> None:
    config = small_config()
    text = config.read_text()
    config.write_text(
        f"{text}\nbeam:\n  default: ['{WORKERS}']\n  Evaluator: [{option}]\n"
    )

    with pytest.raises(ConfigError) as raised:
        preflight.check(load_run(config), config)

    (fault,) = raised.value.faults
    assert fault.line == text.count("\n") + 4
    assert f"Beam does not take `{option}`: " in fault.text


def test_options_are_judged_with_those_of_all(
    small_config: Callable[..., Path],
) -> None:
    config = small_config()
    text = f"{config.read_text()}\nbeam:\n  default: [--runner=PortableRunner]\n"
    config.write_text(f"{text}  Evaluator: [--of_a_job_server=1]\n")
    preflight.check(load_run(config), config)

    config.write_text(
        f"{text}  Evaluator: [--runner=FlinkRunner, --of_a_job_server=1]\n"
    )
    with pytest.raises(ConfigError, match="Beam knows no option `--of_a_job_server=1`"):
        preflight.check(load_run(config), config)
