"""What is said of single steps, in a whole configuration: each fault with its line."""

from pathlib import Path

import pytest

from shardline.configs import ConfigError, load_run

pytestmark = pytest.mark.orchestration


def faults_of(config: Path, folder: Path, text: str) -> list[str]:
    """Returns what is wrong with a configuration, its lines counted from `text` on."""
    path = folder / "config.yaml"
    before = config.read_text()
    path.write_text(f"{before}\n{text}")
    with pytest.raises(ConfigError) as raised:
        load_run(path)
    first = before.count("\n") + 2
    return [f"{f.line - first + 1}: {f.text}" for f in raised.value.faults]


def test_unknown_component_is_named_with_the_nearest(
    spans_config: Path, tmp_path: Path
) -> None:
    text = (
        "resources:\n"
        "  Traner: {cpu: 1}\n"
        "  Trainer: {memory: 16}\n"
        "beam:\n"
        "  Evaluater: [--a]\n"
        "  Pusher: [--a]\n"
    )

    found = faults_of(spans_config, tmp_path, text)

    assert found[0] == "2: unknown key `Traner`; did you mean `Trainer`?"
    assert found[1].startswith(
        "3: `resources.Trainer.memory`: memory is a whole number"
    )
    assert found[2] == "5: unknown key `Evaluater`; did you mean `Evaluator`?"
    assert found[3].startswith("6: unknown key `Pusher`; known keys: Evaluator, Feat")


def test_component_of_another_kind_of_run_is_told(
    spans_config: Path, tmp_path: Path
) -> None:
    text = "beam:\n  default: [--a]\n  StatisticsGen: [--a]\n"

    (found,) = faults_of(spans_config, tmp_path, text)

    assert found.startswith("3: beam: the pipeline of this run has no `StatisticsGen`;")
    assert "SpanStatistics" in found
