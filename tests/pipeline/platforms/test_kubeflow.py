"""Kubeflow's own client, and a server that speaks its interface."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from shardline.configs.platform import Kubeflow
from shardline.pipeline.platforms.errors import PlatformError
from shardline.pipeline.platforms.kubeflow import TOKEN, KubeflowPlatform
from shardline.pipeline.platforms.triggers import KubeflowTrigger

pytestmark = pytest.mark.orchestration
NIGHTLY = KubeflowTrigger("0 30 3 * * *", None, None, True)
HOURLY = KubeflowTrigger(None, 3600, "2026-11-30T10:00:00Z", False)
PIPELINE = "shardline-small-spans"


@pytest.fixture
def platform(kubeflow_server: Any) -> Callable[..., KubeflowPlatform]:
    def made(trigger: KubeflowTrigger = NIGHTLY, **settings: Any) -> KubeflowPlatform:
        return KubeflowPlatform(Kubeflow(host=kubeflow_server.url, **settings), trigger)

    return made


@pytest.fixture
def package(packages: Callable[..., Any]) -> Any:
    return packages("kubeflow", service_account="runner")


def without_experiment(body: Any) -> dict[str, Any]:
    return {key: value for key, value in body.items() if key != "experiment_id"}


def test_run_is_started_as_the_request_says(
    kubeflow_server: Any, platform: Callable[..., KubeflowPlatform], package: Any
) -> None:
    request = platform().run_request(package)
    assert kubeflow_server.sent == []

    run = platform().submit(package)

    (experiment,) = kubeflow_server.bodies("POST", "/experiments")
    assert experiment["display_name"] == PIPELINE
    ((path, body),) = [
        (path, body)
        for method, path, body in kubeflow_server.sent
        if method == "POST" and path.endswith("/runs")
    ]
    assert f"{kubeflow_server.url}{path}" == request.url
    assert without_experiment(body) == without_experiment(request.body)
    assert body["experiment_id"] in kubeflow_server.kept["experiments"]
    assert json.loads(request.text)["body"] == request.body
    assert run.url.endswith(f"/#/runs/details/{run.id}")


def test_request_has_all_of_the_specification(
    platform: Callable[..., KubeflowPlatform], package: Any
) -> None:
    body = platform().run_request(package).body

    spec, kubernetes = yaml.safe_load_all(package.file.read_text())
    sent = body["pipeline_spec"]
    assert sent["platform_spec"] == kubernetes
    tasks = sent["pipeline_spec"]["root"]["dag"]["tasks"]
    assert tasks.keys() == spec["root"]["dag"]["tasks"].keys()
    assert (body["service_account"], body["display_name"]) == ("runner", package.run)
    assert body["runtime_config"]["pipeline_root"] == "gs://bucket/artifacts"


def test_state_of_a_run_is_told(
    kubeflow_server: Any, platform: Callable[..., KubeflowPlatform], package: Any
) -> None:
    run = platform().submit(package)
    kept = kubeflow_server.kept["runs"][run.id]

    states = []
    for state in ("PENDING", "RUNNING", "SUCCEEDED", "FAILED", "CANCELED"):
        kept["state"] = state
        states.append(platform().state_of(run))

    assert states == ["running", "running", "succeeded", "failed", "failed"]


def test_experiment_and_namespace_are_those_of_the_configuration(
    kubeflow_server: Any, platform: Callable[..., KubeflowPlatform], package: Any
) -> None:
    platform(experiment="nightly", namespace="reco").submit(package)
    platform(experiment="nightly", namespace="reco").submit(package)

    (experiment,) = kubeflow_server.bodies("POST", "/experiments")
    assert (experiment["display_name"], experiment["namespace"]) == ("nightly", "reco")
    assert len(kubeflow_server.kept["runs"]) == 2


@pytest.mark.parametrize("trigger", [NIGHTLY, HOURLY], ids=["cron", "interval"])
def test_schedule_is_made_as_the_request_says(
    kubeflow_server: Any,
    platform: Callable[..., KubeflowPlatform],
    package: Any,
    trigger: KubeflowTrigger,
) -> None:
    request = platform(trigger).schedule_request(package)

    schedule = platform(trigger).set_schedule(package)

    (body,) = kubeflow_server.bodies("POST", "/recurringruns")
    assert without_experiment(body) == without_experiment(request.body)
    assert (body["max_concurrency"], body["display_name"]) == (1, PIPELINE)
    assert body["no_catchup"] is trigger.no_catchup
    if trigger.cron:
        assert body["trigger"] == {"cron_schedule": {"cron": "0 30 3 * * *"}}
    else:
        periodic = body["trigger"]["periodic_schedule"]
        assert periodic["interval_second"] == 3600
        assert periodic["start_time"] == "2026-11-30T10:00:00Z"
    assert not schedule.is_paused
    assert platform().schedule(PIPELINE) == schedule


def test_schedule_set_again_is_there_once(
    kubeflow_server: Any, platform: Callable[..., KubeflowPlatform], package: Any
) -> None:
    first = platform().set_schedule(package)

    second = platform(HOURLY).set_schedule(package)

    (kept,) = kubeflow_server.kept["recurringruns"].values()
    assert kept["recurring_run_id"] == second.id != first.id
    assert "periodic_schedule" in kept["trigger"]
    assert kept["status"] == "ENABLED"


def test_new_schedule_starts_nothing_before_the_old_one_is_gone(
    kubeflow_server: Any, platform: Callable[..., KubeflowPlatform], package: Any
) -> None:
    first = platform().set_schedule(package)
    kubeflow_server.sent.clear()

    second = platform().set_schedule(package)

    changes = [
        (method, path.rpartition("/")[2])
        for method, path, _ in kubeflow_server.sent
        if method != "GET" and "/experiments" not in path
    ]
    assert changes == [
        ("POST", "recurringruns"),
        ("DELETE", first.id),
        ("POST", f"{second.id}:enable"),
    ]


def test_paused_schedule_stays_paused_until_it_is_resumed(
    platform: Callable[..., KubeflowPlatform], package: Any
) -> None:
    schedule = platform().set_schedule(package)
    platform().pause(schedule)

    again = platform().set_schedule(package)

    assert again.is_paused
    platform().resume(again)
    assert not platform().schedule(PIPELINE).is_paused


def test_deleted_schedule_is_gone(
    platform: Callable[..., KubeflowPlatform], package: Any
) -> None:
    platform().delete(platform().set_schedule(package))

    assert platform().schedule(PIPELINE) is None


@pytest.mark.parametrize(
    ("status", "expected", "exit_code"),
    [
        (401, f"answers 401: no. Put a token of the server into {TOKEN}.", 1),
        (403, "answers 403: no. Who asks is known and may not do this", 1),
        (404, "answers 404: no. Check the names in section `platform`.", 1),
        (400, "answers 400: no.", 1),
        (503, "answers 503: no. Run the same command again.", 75),
    ],
)
def test_refusal_is_one_line(
    kubeflow_server: Any,
    platform: Callable[..., KubeflowPlatform],
    package: Any,
    status: int,
    expected: str,
    exit_code: int,
) -> None:
    kubeflow_server.refusal = (status, {"message": "no", "details": ["a", "b"]})

    with pytest.raises(PlatformError) as raised:
        platform().submit(package)

    assert f"{kubeflow_server.url} {expected}" in str(raised.value)
    assert "\n" not in str(raised.value)
    assert raised.value.exit_code == exit_code


def test_token_of_the_environment_is_sent(
    kubeflow_server: Any,
    platform: Callable[..., KubeflowPlatform],
    package: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kubeflow_server.token = "secret"
    with pytest.raises(PlatformError, match="401"):
        platform().schedule(PIPELINE)

    monkeypatch.setenv(TOKEN, "secret")

    assert platform().schedule(PIPELINE) is None


def test_server_that_is_not_there_is_one_line(package: Any) -> None:
    platform = KubeflowPlatform(Kubeflow(host="http://127.0.0.1:9"))

    with pytest.raises(PlatformError) as raised:
        platform.submit(package)

    assert str(raised.value).startswith(
        "http://127.0.0.1:9 cannot be reached: Connection refused. Check the address"
    )
    assert "\n" not in str(raised.value)
    assert raised.value.exit_code == 75


@pytest.mark.parametrize("ask", ["submit", "set_schedule"])
def test_page_to_log_in_is_no_answer(
    kubeflow_server: Any,
    platform: Callable[..., KubeflowPlatform],
    package: Any,
    ask: str,
) -> None:
    kubeflow_server.refusal = (200, "<html>log in</html>")

    with pytest.raises(PlatformError, match="it may be a page to log in") as raised:
        getattr(platform(), ask)(package)

    assert raised.value.exit_code == 1
