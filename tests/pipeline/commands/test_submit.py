"""`shardline submit`, with the real clients, to servers of this machine."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from shardline_tests import load
from typer.testing import Result

from shardline.pipeline.commands import submit

pytestmark = pytest.mark.orchestration
servers = load("platform/servers.py")


@pytest.fixture
def config(server: Any, small_config: Callable[..., Path]) -> Path:
    path = small_config()
    path.write_text(path.read_text() + servers.configuration(server))
    return path


def test_dry_run_prints_what_is_sent_then(
    invoke: Callable[..., Result], runner: str, server: Any, config: Path
) -> None:
    dry = invoke("submit", config, f"--runner={runner}", "--dry-run")
    assert dry.exit_code == 0, dry.output
    assert server.sent == []

    result = invoke("submit", config, f"--runner={runner}", "--image=other:2")

    assert result.exit_code == 0, result.output
    (line,) = result.output.splitlines()
    assert line.startswith("Submitted shardline-small-2")
    request = json.loads(dry.output)
    method, path, body = server.sent[-1]
    assert request["method"] == method
    assert request["url"].startswith(server.url + path)
    assert request["body"].keys() == body.keys()
    assert "registry/shardline:1" in dry.output
    assert "other:2" in json.dumps(body)


@pytest.mark.parametrize(
    ("state", "exit_code"), [("SUCCEEDED", 0), ("FAILED", 1)], ids=str
)
def test_end_of_a_run_is_waited_for(
    invoke: Callable[..., Result],
    runner: str,
    server: Any,
    config: Path,
    state: str,
    exit_code: int,
) -> None:
    server.ends_as = state

    result = invoke("submit", config, f"--runner={runner}", "--wait")

    assert result.exit_code == exit_code, result.output
    assert result.output.splitlines()[1:] == [f"It has {state.lower()}"]


def test_platform_that_is_busy_does_not_end_the_wait(
    invoke: Callable[..., Result],
    runner: str,
    server: Any,
    config: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(submit, "_BETWEEN_LOOKS_S", 0)
    server.ends_as, server.busy = "SUCCEEDED", 3

    result = invoke("submit", config, f"--runner={runner}", "--wait")

    assert result.exit_code == 0, result.output
    assert server.busy == 0


# Google's client asks again by itself, for longer than a test should last.
@pytest.mark.parametrize("runner", ["kubeflow"], indirect=True)
def test_platform_that_stays_busy_ends_the_wait_and_not_as_what_can_pass(
    invoke: Callable[..., Result],
    server: Any,
    config: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(submit, "_BETWEEN_LOOKS_S", 0)
    monkeypatch.setattr(submit, "_MOST_MISSED_S", 0.0)
    server.busy = 9

    result = invoke("submit", config, "--runner=kubeflow", "--wait")

    assert result.exit_code == 1, result.output
    assert f"The run may go on: {server.url}" in result.output
    assert server.busy == 8


@pytest.mark.parametrize("runner", ["kubeflow"], indirect=True)
def test_interrupted_wait_says_that_the_run_goes_on(server: Any, config: Path) -> None:
    command = [
        Path(sys.executable).with_name("shardline"),
        *("submit", config, "--runner=kubeflow", "--wait"),
    ]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as waiting:
        assert waiting.stdout
        submitted = waiting.stdout.readline()
        while not any(
            method == "GET" and "/runs/" in p for method, p, _ in server.sent
        ):
            assert waiting.poll() is None
            time.sleep(0.1)
        waiting.send_signal(signal.SIGTERM)
        rest, _ = waiting.communicate(timeout=60)

    assert submitted.startswith("Submitted shardline-small-")
    url = submitted.split()[-1]
    assert rest == f"Interrupted. The run goes on: {url}\n"
    assert waiting.returncode == 128 + signal.SIGTERM
    (run,) = server.kept["runs"].values()
    assert run["state"] == "RUNNING"


@pytest.mark.parametrize(("status", "exit_code"), [(403, 1), (503, 75)])
def test_refusal_is_one_line(
    invoke: Callable[..., Result],
    runner: str,
    server: Any,
    config: Path,
    status: int,
    exit_code: int,
) -> None:
    server.refusal = (status, {"message": "no", "error": {"message": "no"}})

    result = invoke("submit", config, f"--runner={runner}")

    assert result.exit_code == exit_code
    (line,) = result.output.splitlines()
    assert line.startswith(f"{server.url} answers {status}: no")


def test_faults_come_before_anything_is_compiled(
    invoke: Callable[..., Result], runner: str, small_config: Callable[..., Path]
) -> None:
    config = small_config()
    lines = config.read_text().count("\n")
    config.write_text(
        config.read_text() + "\nplatform:\n  image: a\n  data_path: gs://b/d\n"
        "  pipeline_root: gs://b/r\n  serving_dir: gs://b/s\n"
    )

    missing = invoke("submit", config, f"--runner={runner}")
    odd = invoke("submit", config, f"--runner={runner}", "--image=A B")

    assert (missing.exit_code, odd.exit_code) == (1, 1)
    assert missing.output.startswith(
        f"{config}:{lines + 2}: platform: `{runner}` is missing; write {{"
    )
    assert odd.output.startswith("--image: an image is named as a registry takes it")


def test_artifacts_are_kept_in_no_folder(
    invoke: Callable[..., Result], runner: str, server: Any, config: Path
) -> None:
    result = invoke("submit", config, f"--runner={runner}", "--pipeline-root=/mnt/a")

    assert result.exit_code == 1
    assert "`pipeline_root` is /mnt/a; write gs://BUCKET/FOLDER" in result.output
    assert server.sent == []


def test_unknown_platform_is_named(
    invoke: Callable[..., Result], small_config: Callable[..., Path]
) -> None:
    result = invoke("submit", small_config(), "--runner=kubflow")

    assert result.exit_code == 1
    assert result.output == "There is no runner `kubflow`; did you mean kubeflow?\n"
