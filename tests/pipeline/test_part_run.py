"""`shardline run --from, --to and --only`, as a user sees it."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

_ABSENT = f"{{requirement: shardline-absent==1.0, sha256: {'a' * 64}}}"
pytestmark = [pytest.mark.orchestration, pytest.mark.slow]


@pytest.fixture(scope="module")
def run_folder(finished_run: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder that parts may run in; what was made before lies in the other."""
    folder = tmp_path_factory.mktemp("parts") / "run"
    shutil.copytree(finished_run.output_dir, folder)
    return folder


def test_model_that_was_refused_is_published_by_force_alone(
    run_folder: Path,
    small_config: Callable[..., Path],
    shardline: Callable[..., Any],
) -> None:
    config = small_config(parity_examples="200\n  max_bytes: 1000")
    into = ("--output-dir", run_folder)

    refused = shardline("run", config, *into, "--from", "ServingValidator")
    # The data cannot be had any more, and the part does not look at it.
    text = re.sub("  path: .*", f"  download: {_ABSENT}", config.read_text())
    config.write_text(text)
    forced = shardline(
        *("run", config, *into, "--only", "Pusher", "--force", "a trial"),
        environment={"PIP_NO_INDEX": "1"},
    )

    assert refused.returncode == 1
    assert "size: the model's files have " in refused.text
    assert list(refused.components) == ["ServingValidator", "Pusher"]
    assert forced.returncode == 0, forced.text
    assert forced.components == {"Pusher": "done"}
    shown = " ".join(forced.text.replace("│", " ").split())
    assert "by force: a trial which overrides size" in shown
    assert "Outputs Pusher: artifacts/Pusher/pushed_model/" in shown
    assert "Training steps" not in shown


def test_settings_that_do_not_fit_what_is_taken_end_the_run(
    run_folder: Path,
    small_config: Callable[..., Path],
    shardline: Callable[..., Any],
) -> None:
    config = small_config(steps="40")

    ended = shardline(
        "run", config, "--output-dir", run_folder, "--from", "ServingValidator"
    )

    assert ended.returncode == 1
    assert ended.components == {}
    assert "Trainer was told another `training` than the configuration" in ended.text
    assert "Go on from it: --from Trainer; or run all" in ended.text
