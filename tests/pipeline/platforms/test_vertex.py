"""Google's own client, and a server that speaks the interface of Vertex AI."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shardline.configs.platform import Vertex
from shardline.pipeline.platforms.errors import PlatformError
from shardline.pipeline.platforms.triggers import VertexTrigger
from shardline.pipeline.platforms.vertex import VertexPlatform, region_faults

pytestmark = pytest.mark.orchestration
NIGHTLY = VertexTrigger("TZ=Europe/Berlin 30 3 * * *", False)
HOURLY = VertexTrigger("TZ=UTC 0 * * * *", True)
PIPELINE = "shardline-small-spans"
PARENT = "projects/my-project/locations/europe-west4"
NETWORK = "projects/1/global/networks/n"


@pytest.fixture
def platform(vertex_server: Any) -> Callable[..., VertexPlatform]:
    def made(
        trigger: VertexTrigger | None = NIGHTLY, **settings: Any
    ) -> VertexPlatform:
        where = {
            "project": "my-project",
            "region": "europe-west4",
            "endpoint": vertex_server.url,
        }
        return VertexPlatform(Vertex(**{**where, **settings}), trigger)

    return made


@pytest.fixture
def package(packages: Callable[..., Any]) -> Any:
    account = "runner@my-project.iam.gserviceaccount.com"
    return packages("vertex", service_account=account)


def test_run_is_started_as_the_request_says(
    vertex_server: Any, platform: Callable[..., VertexPlatform], package: Any
) -> None:
    request = platform(network=NETWORK).run_request(package)
    assert vertex_server.sent == []

    run = platform(network=NETWORK).submit(package)

    ((method, path, body),) = vertex_server.sent
    assert method == "POST"
    url = f"{vertex_server.url}/v1/{PARENT}/pipelineJobs?pipelineJobId={package.run}"
    assert request.url == url
    assert url.startswith(f"{vertex_server.url}{path}")
    assert body == json.loads(request.text)["body"]
    assert run.id == f"{PARENT}/pipelineJobs/{package.run}"


def test_request_has_all_of_the_job(
    platform: Callable[..., VertexPlatform], package: Any
) -> None:
    body = platform(network=NETWORK).run_request(package).body

    spec = json.loads(package.file.read_text())["pipelineSpec"]
    assert body["pipelineSpec"] == spec
    assert body["labels"] == {"team": "reco"}
    assert body["runtimeConfig"]["gcsOutputDirectory"] == "gs://bucket/artifacts"
    assert (body["serviceAccount"], body["network"]) == (
        package.service_account,
        NETWORK,
    )


def test_requests_to_google_are_made_without_login_and_network(
    platform: Callable[..., VertexPlatform], package: Any
) -> None:
    google = platform(endpoint=None)

    host = "https://europe-west4-aiplatform.googleapis.com"
    assert google.run_request(package).url.startswith(f"{host}/v1/{PARENT}/")
    assert google.schedule_request(package).url == f"{host}/v1/{PARENT}/schedules"


def test_missing_login_is_one_line(
    platform: Callable[..., VertexPlatform],
    package: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere.json")

    with pytest.raises(PlatformError) as raised:
        platform(endpoint=None).submit(package)

    assert "File /nowhere.json was not found. Log in: gcloud auth" in str(raised.value)
    assert "\n" not in str(raised.value)
    assert raised.value.exit_code == 1


def test_state_of_a_run_is_told(
    vertex_server: Any, platform: Callable[..., VertexPlatform], package: Any
) -> None:
    run = platform().submit(package)

    states = []
    for state in ("QUEUED", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED"):
        vertex_server.kept[run.id]["state"] = f"PIPELINE_STATE_{state}"
        states.append(platform().state_of(run))

    assert states == ["running", "running", "succeeded", "failed", "failed"]


@pytest.mark.parametrize("trigger", [NIGHTLY, HOURLY], ids=["skips", "queues"])
def test_schedule_is_made_as_the_request_says(
    vertex_server: Any,
    platform: Callable[..., VertexPlatform],
    package: Any,
    trigger: VertexTrigger,
) -> None:
    request = platform(trigger).schedule_request(package)
    assert request.url == f"{vertex_server.url}/v1/{PARENT}/schedules"

    schedule = platform(trigger).set_schedule(package)

    (body,) = vertex_server.bodies("POST", "/schedules")
    assert body == request.body
    assert body["maxConcurrentRunCount"] == "1"
    assert body.get("allowQueueing", False) is trigger.allow_queueing
    assert body["cron"] == trigger.cron
    job = body["createPipelineJobRequest"]["pipelineJob"]
    assert job["serviceAccount"] == package.service_account
    assert schedule.when == f"cron {trigger.cron}"
    assert not schedule.is_paused
    assert platform().schedule(PIPELINE) == schedule


def test_schedule_set_again_is_changed(
    vertex_server: Any, platform: Callable[..., VertexPlatform], package: Any
) -> None:
    first = platform().set_schedule(package)

    second = platform(HOURLY).set_schedule(package)

    (kept,) = vertex_server.kept.values()
    assert first.id == second.id == kept["name"]
    assert kept["cron"] == HOURLY.cron
    assert kept["allowQueueing"] is True
    platform().set_schedule(package)
    assert kept.get("allowQueueing", False) is False


def test_schedules_of_one_name_become_one(
    vertex_server: Any, platform: Callable[..., VertexPlatform], package: Any
) -> None:
    first = platform().set_schedule(package)
    copy = {**vertex_server.kept[first.id], "name": f"{first.id}0"}
    vertex_server.kept[f"{first.id}0"] = copy

    platform().set_schedule(package)

    assert list(vertex_server.kept) == [first.id]


def test_paused_schedule_stays_paused_until_it_is_resumed(
    vertex_server: Any, platform: Callable[..., VertexPlatform], package: Any
) -> None:
    schedule = platform().set_schedule(package)
    platform().pause(schedule)

    assert platform().set_schedule(package).is_paused

    platform().resume(schedule)
    assert not platform().schedule(PIPELINE).is_paused
    (body,) = vertex_server.bodies("POST", ":resume")
    assert not body.get("catchUp")


def test_deleted_schedule_is_gone(
    platform: Callable[..., VertexPlatform], package: Any
) -> None:
    platform().delete(platform().set_schedule(package))

    assert platform().schedule(PIPELINE) is None


@pytest.mark.parametrize(
    ("status", "expected", "exit_code"),
    [
        (403, "answers 403: no. Who asks is known and may not do this", 1),
        (404, "answers 404: no. Check the names in section `platform`.", 1),
        (400, "answers 400: no.", 1),
        (503, "answers 503: no. Run the same command again.", 75),
    ],
)
def test_refusal_is_one_line(
    vertex_server: Any,
    platform: Callable[..., VertexPlatform],
    package: Any,
    status: int,
    expected: str,
    exit_code: int,
) -> None:
    vertex_server.refusal = (status, {"error": {"message": "no", "code": status}})

    with pytest.raises(PlatformError) as raised:
        platform().submit(package)

    assert f"{vertex_server.url} {expected}" in str(raised.value)
    assert "\n" not in str(raised.value)
    assert raised.value.exit_code == exit_code


def test_refused_credentials_are_one_line(
    vertex_server: Any, platform: Callable[..., VertexPlatform], package: Any
) -> None:
    vertex_server.refusal = (401, {"error": {"message": "no", "code": 401}})

    with pytest.raises(PlatformError, match=r"credentials of Google Cloud: .*Log in"):
        platform().submit(package)


def test_service_that_is_not_there_is_one_line(
    platform: Callable[..., VertexPlatform], package: Any
) -> None:
    with pytest.raises(PlatformError) as raised:
        platform(endpoint="http://127.0.0.1:9").submit(package)

    assert str(raised.value).startswith(
        "http://127.0.0.1:9 cannot be reached: Connection refused. Check the address"
    )
    assert "\n" not in str(raised.value)
    assert raised.value.exit_code == 75


def test_unknown_region_is_told_with_the_nearest() -> None:
    (fault,) = region_faults(Vertex(project="my-project", region="europe-west99"))

    assert fault.config_path == ("platform", "vertex", "region")
    assert "not in region `europe-west99`; did you mean europe-west9?" in fault.text
    assert not list(region_faults(Vertex(project="my-project", region="us-east1")))


def test_start_without_an_answer_is_not_to_be_repeated(
    vertex_server: Any, platform: Callable[..., VertexPlatform], package: Any
) -> None:
    vertex_server.once["POST .*/pipelineJobs$"] = None

    with pytest.raises(PlatformError, match=r"It may have started: look at") as raised:
        platform().submit(package)

    assert f"/runs/{package.run}?project=" in str(raised.value)
    assert raised.value.exit_code == 1


def test_login_that_is_not_reached_is_named(
    platform: Callable[..., VertexPlatform],
    package: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    login = tmp_path / "login.json"
    login.write_text(
        json.dumps(
            {
                "type": "external_account",
                "audience": "a",
                "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
                "token_url": "http://127.0.0.1:9/token",
                "credential_source": {"file": str(login)},
            }
        )
    )
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(login))

    with pytest.raises(PlatformError) as raised:
        platform(endpoint="127.0.0.1:9").submit(package)

    assert str(raised.value).startswith(
        "Google's login, which gives credentials for 127.0.0.1:9, cannot be reached: "
        "Connection refused. Check the network"
    )
    assert raised.value.exit_code == 75


@pytest.mark.parametrize("ask", ["submit", "set_schedule"])
def test_page_to_log_in_is_no_answer(
    vertex_server: Any, platform: Callable[..., VertexPlatform], package: Any, ask: str
) -> None:
    vertex_server.refusal = (200, "<html>log in</html>")

    with pytest.raises(PlatformError, match="it may be a page to log in") as raised:
        getattr(platform(), ask)(package)

    assert raised.value.exit_code == 1
