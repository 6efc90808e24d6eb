"""`shardline schedule --runner`, with the real clients, to servers of this machine."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from shardline_tests import load
from typer.testing import Result

pytestmark = pytest.mark.orchestration
servers = load("platform/servers.py")
WHEN = {
    "kubeflow": "cron 0 30 3 * * * (seconds first, UTC)",
    "vertex": "cron TZ=UTC 30 3 * * *",
}


@pytest.fixture
def config(server: Any, small_config: Callable[..., Path]) -> Path:
    path = small_config()
    schedule = "schedule: {cron: 30 3 * * *, deadline: 2h}\n"
    path.write_text(path.read_text() + servers.configuration(server) + schedule)
    return path


@pytest.fixture
def on_platform(
    invoke: Callable[..., Result], runner: str, config: Path
) -> Callable[..., Result]:
    def run(*arguments: str) -> Result:
        return invoke("schedule", *arguments, config, f"--runner={runner}")

    return run


def test_schedule_is_made_seen_paused_resumed_and_deleted(
    on_platform: Callable[..., Result], runner: str, config: Path
) -> None:
    made = on_platform()
    assert made.exit_code == 0, made.output
    first, second = made.output.splitlines()
    assert first.startswith(f"shardline-small starts by {WHEN[runner]}: http")
    assert second == "Of section `schedule`, the platform does not keep `deadline`"

    assert on_platform("status").output.splitlines()[-1] == "Not paused"
    assert on_platform("pause").output == "Paused; a run that goes on is not ended\n"
    told = json.loads(on_platform("status", "--json").output)
    assert (told["when"], told["paused"]) == (WHEN[runner], True)
    assert on_platform("resume").output == "Resumed\n"
    assert on_platform("status").output.splitlines()[-1] == "Not paused"

    assert on_platform("delete").exit_code == 0
    gone = on_platform("status")
    assert gone.exit_code == 1
    assert gone.output == (
        f"{runner} has no schedule of shardline-small. Make it: shardline schedule "
        f"{config} --runner {runner}\n"
    )


def test_paused_schedule_is_changed_and_stays_paused(
    on_platform: Callable[..., Result],
) -> None:
    on_platform()
    on_platform("pause")

    again = on_platform()

    assert "It is paused, as it was; `schedule resume` starts it" in again.output


def test_dry_run_prints_the_request(
    on_platform: Callable[..., Result], server: Any
) -> None:
    dry = on_platform("--dry-run")

    assert dry.exit_code == 0, dry.output
    assert server.sent == []
    request = json.loads(dry.output)
    assert request["method"] == "POST"
    assert request["url"].startswith(server.url)
    assert "30 3 * * *" in json.dumps(request["body"])


def test_schedule_that_is_not_kept_is_told_with_its_line(
    invoke: Callable[..., Result], runner: str, config: Path
) -> None:
    odd = {"kubeflow": "missed: skip, every: 1h", "vertex": "every: 7m"}
    text = config.read_text().replace("cron: 30 3 * * *", odd[runner])
    config.write_text(text)

    result = invoke("schedule", config, f"--runner={runner}")

    assert result.exit_code == 1
    assert result.output.startswith(f"{config}:{text.count(chr(10))}: schedule: ")


def test_unknown_runner_is_named(
    invoke: Callable[..., Result], small_config: Callable[..., Path]
) -> None:
    result = invoke("schedule", small_config(), "--runner=vertx")

    assert result.exit_code == 1
    assert result.output == "There is no runner `vertx`; did you mean vertex?\n"


def test_dry_run_is_for_platforms(
    invoke: Callable[..., Result], small_config: Callable[..., Path]
) -> None:
    result = invoke("schedule", small_config(), "--dry-run")

    assert result.exit_code == 1
    assert result.output == "--dry-run is for platforms: add --runner.\n"


@pytest.mark.parametrize("command", [(), ("status",), ("pause",), ("resume",)])
def test_run_folder_is_for_this_machine(
    invoke: Callable[..., Result],
    small_config: Callable[..., Path],
    command: tuple[str, ...],
) -> None:
    result = invoke(
        "schedule", *command, small_config(), "--runner=vertex", "--output-dir=here"
    )

    assert result.exit_code == 1
    assert result.output == "--output-dir is for this machine, not for vertex.\n"
