"""Kubeflow's own client, and a server that speaks its interface."""

import contextlib
import json
import socket
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from shardline.configs.platform import Kubeflow
from shardline.pipeline.platforms import kubeflow
from shardline.pipeline.platforms.errors import PlatformError
from shardline.pipeline.platforms.kubeflow import TOKEN, KubeflowPlatform
from shardline.pipeline.platforms.kubeflow_rules import is_in_the_open
from shardline.pipeline.platforms.remote import SubmittedRun
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


def test_new_schedule_is_there_before_the_old_one_is_gone(
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
    ]
    assert not second.is_paused


@pytest.mark.parametrize("is_lost", [True, False], ids=["lost", "refused"])
@pytest.mark.parametrize(
    "request_", ["POST .*/recurringruns$", "DELETE ", "POST .*:enable$", "GET .*-[0-9]"]
)
@pytest.mark.parametrize("is_there", [True, False], ids=["replaced", "new"])
def test_schedule_that_failed_halfway_is_enabled_when_it_is_repeated(
    kubeflow_server: Any,
    platform: Callable[..., KubeflowPlatform],
    package: Any,
    is_there: bool,
    request_: str,
    is_lost: bool,
) -> None:
    if is_there:
        platform().set_schedule(package)
    kubeflow_server.once[request_] = None if is_lost else (503, {"message": "busy"})

    with contextlib.suppress(PlatformError):
        platform(HOURLY).set_schedule(package)
    kubeflow_server.once.clear()
    again = platform(HOURLY).set_schedule(package)

    (kept,) = kubeflow_server.kept["recurringruns"].values()
    assert kept["recurring_run_id"] == again.id
    assert kept["status"] == "ENABLED"
    assert not again.is_paused


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


def test_server_that_is_silent_is_given_up(
    package: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kubeflow, "_SILENT_S", (1.0, 0.2))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host = f"http://127.0.0.1:{silent.getsockname()[1]}"
        platform = KubeflowPlatform(Kubeflow(host=host))

        with pytest.raises(PlatformError, match="ReadTimeoutError") as raised:
            platform.state_of(SubmittedRun("1", "url"))

    assert raised.value.exit_code == 75


@pytest.mark.parametrize(
    ("answer", "why"), [(None, "Protocol"), ((504, {"message": "no"}), "status 504")]
)
def test_start_without_an_answer_is_not_to_be_repeated(
    kubeflow_server: Any,
    platform: Callable[..., KubeflowPlatform],
    package: Any,
    answer: Any,
    why: str,
) -> None:
    kubeflow_server.once["POST .*/runs$"] = answer

    with pytest.raises(PlatformError, match=f"not answered: {why}") as raised:
        platform().submit(package)

    assert f"look at {kubeflow_server.url}/#/runs before" in str(raised.value)
    assert raised.value.exit_code == 1


def test_question_without_an_answer_may_be_repeated(
    kubeflow_server: Any, platform: Callable[..., KubeflowPlatform], package: Any
) -> None:
    kubeflow_server.once["POST .*/experiments$"] = None

    with pytest.raises(PlatformError, match="run the same command again") as raised:
        platform().submit(package)

    assert raised.value.exit_code == 75
    assert not kubeflow_server.kept["runs"]


def test_token_is_not_sent_in_the_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOKEN, "secret")

    with pytest.raises(PlatformError, match=r"without encryption.*Write https://"):
        KubeflowPlatform(Kubeflow(host="http://pipelines.invalid")).schedule(PIPELINE)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("https://pipelines.example.com", False),
        ("http://pipelines.example.com", True),
        ("http://10.0.0.1:8888", True),
        ("http://[2001:db8::1]:8888", True),
        ("http://127.0.0.1:8888", False),
        ("http://[::1]:8888", False),
        ("http://localhost:8888", False),
        ("http://ml-pipeline:8888", False),
        ("http://ml-pipeline.kubeflow.svc.cluster.local:8888", False),
        ("http://ml-pipeline.kubeflow.svc:8888", False),
    ],
)
def test_only_near_servers_are_reached_without_encryption(
    address: str, expected: bool
) -> None:
    assert is_in_the_open(address) is expected


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
