"""Runs and schedules of Vertex AI, by Google's own client.

What is sent is built by the client's classes and sent by its service clients.
`PipelineJob.submit` would first look for the bucket of artifacts, for minutes where
there is no network, and make one if it finds none.
"""

import contextlib
import difflib
import re
from collections.abc import Iterator
from typing import Any

import google.auth
import google.auth.exceptions
import requests
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import aiplatform
from google.cloud.aiplatform_v1 import types
from google.protobuf import json_format

from shardline.configs.fault import Fault, Part
from shardline.configs.platform import Vertex
from shardline.pipeline.platforms.errors import (
    PlatformError,
    not_reached,
    not_understood,
    refused,
    starting,
)
from shardline.pipeline.platforms.remote import (
    Package,
    RemoteSchedule,
    Request,
    RunState,
    SubmittedRun,
)
from shardline.pipeline.platforms.silence import silenced
from shardline.pipeline.platforms.triggers import VertexTrigger

_CREDENTIALS = (
    "Log in: gcloud auth application-default login; or name the file of a service "
    "account in GOOGLE_APPLICATION_CREDENTIALS."
)
_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
# How messages of the client begin.
_ASKED = re.compile(r"^[A-Z]+ \S+: ")
_SILENT_S = 60.0  # until the service counts as unreachable
_CONSOLE = "https://console.cloud.google.com/vertex-ai/locations"
_STATES: dict[str, RunState] = {
    "PIPELINE_STATE_SUCCEEDED": "succeeded",
    "PIPELINE_STATE_FAILED": "failed",
    "PIPELINE_STATE_CANCELLED": "failed",
}
_UPDATED = (
    "cron",
    "allow_queueing",
    "max_concurrent_run_count",
    "create_pipeline_job_request",
)


def region_faults(settings: Vertex) -> Iterator[Fault]:
    """Yields a region that Vertex AI is not in, as far as the client knows.

    Args:
        settings: the section of the configuration.
    """
    known = sorted(aiplatform.constants.base.SUPPORTED_REGIONS)
    if settings.region not in known:
        near = difflib.get_close_matches(settings.region, known, n=1)
        yield Part("platform.vertex", ("platform", "vertex")).fault(
            f"Vertex AI is not in region `{settings.region}`",
            f"did you mean {near[0]}?" if near else f"it is in {', '.join(known)}",
            key="region",
        )


class VertexPlatform:
    """Vertex AI in one project and region; see `RemotePlatform`."""

    def __init__(self, settings: Vertex, trigger: VertexTrigger | None = None):
        """Takes where it is; asks it nothing.

        Args:
            settings: the section of the configuration.
            trigger: when scheduled runs start; None if nothing is to be scheduled.
        """
        self._settings = settings
        self._trigger = trigger
        region = settings.region
        self._endpoint = settings.endpoint or f"{region}-aiplatform.googleapis.com"
        self._parent = f"projects/{settings.project}/locations/{region}"

    def submit(self, package: Package) -> SubmittedRun:
        """Starts a run.

        Raises:
            PlatformError: if the service does not answer, or not as asked.
        """
        with self._asking():
            job = self._job(package)
            sent = _message(self._job_body(package, job), types.PipelineJob)
            with starting(self._endpoint, package.run, self._url("runs", job.job_id)):
                made = job.api_client.create_pipeline_job(
                    parent=self._parent,
                    pipeline_job=sent,
                    pipeline_job_id=job.job_id,
                    timeout=_SILENT_S,
                )
        if not made.name:
            raise not_understood(self._endpoint, "Vertex AI")
        return SubmittedRun(made.name, self._url("runs", made.name))

    def state_of(self, run: SubmittedRun) -> RunState:
        """Returns how far a run is."""
        with self._asking():
            message = aiplatform.PipelineJob.get(run.id).to_dict()
            return _STATES.get(message.get("state", ""), "running")

    def schedule(self, pipeline: str) -> RemoteSchedule | None:
        """Returns the schedule of a pipeline; None if there is none."""
        with self._asking():
            found = self._schedules(pipeline)
            return self._told(found[0]) if found else None

    def set_schedule(self, package: Package) -> RemoteSchedule:
        """Makes the schedule of a pipeline, or changes the one that there is.

        Of several of its name all but one are removed.

        Raises:
            PlatformError: if the service does not answer, or not as asked.
        """
        with self._asking():
            found = self._schedules(package.pipeline)
            body = self._schedule_body(package)
            if found:
                first, *others = found
                sent = _message({**body, "name": first.resource_name}, types.Schedule)
                first.api_client.update_schedule(
                    schedule=sent,
                    update_mask={"paths": _UPDATED},
                    timeout=_SILENT_S,
                )
                for other in others:
                    other.delete()
            else:
                self._empty_schedule(package).api_client.create_schedule(
                    parent=self._parent,
                    schedule=_message(body, types.Schedule),
                    timeout=_SILENT_S,
                )
            kept = self._schedules(package.pipeline)
        if not kept:
            raise not_understood(self._endpoint, "Vertex AI")
        return self._told(kept[0])

    def pause(self, schedule: RemoteSchedule) -> None:
        """Has a schedule start nothing."""
        with self._asking():
            aiplatform.PipelineJobSchedule.get(schedule.id).pause()

    def resume(self, schedule: RemoteSchedule) -> None:
        """Has a schedule start runs again; what was due meanwhile is left out."""
        with self._asking():
            # The client's own method does not pass `catch_up` on.
            found = aiplatform.PipelineJobSchedule.get(schedule.id)
            found.api_client.resume_schedule(
                {"name": schedule.id, "catch_up": False}, timeout=_SILENT_S
            )

    def delete(self, schedule: RemoteSchedule) -> None:
        """Removes a schedule; a run that goes on is not ended."""
        with self._asking():
            aiplatform.PipelineJobSchedule.get(schedule.id).delete()

    def run_request(self, package: Package) -> Request:
        """Returns what `submit` would send."""
        with self._asking(anonymously=True):
            job = self._job(package)
            return self._request(
                f"pipelineJobs?pipelineJobId={job.job_id}",
                self._job_body(package, job),
            )

    def schedule_request(self, package: Package) -> Request:
        """Returns what `set_schedule` would send where there is none."""
        with self._asking(anonymously=True):
            sent = _message(self._schedule_body(package), types.Schedule)
            return self._request("schedules", json_format.MessageToDict(sent._pb))

    def _job(self, package: Package) -> aiplatform.PipelineJob:
        return aiplatform.PipelineJob(
            display_name=package.pipeline,
            template_path=str(package.file),
            job_id=package.run,
            pipeline_root=package.pipeline_root,
            labels=dict(package.labels) or None,
        )

    def _job_body(
        self, package: Package, job: aiplatform.PipelineJob
    ) -> dict[str, Any]:
        """Returns what is said of a run."""
        return {**job.to_dict(), **self._rights(package)}

    def _rights(self, package: Package) -> dict[str, str]:
        """Returns as whom steps run, and what they reach."""
        rights = {
            "serviceAccount": package.service_account,
            "network": self._settings.network,
        }
        return {key: value for key, value in rights.items() if value}

    def _empty_schedule(self, package: Package) -> aiplatform.PipelineJobSchedule:
        return aiplatform.PipelineJobSchedule(self._job(package), package.pipeline)

    def _schedule_body(self, package: Package) -> dict[str, Any]:
        """Returns what is said of a schedule."""
        assert self._trigger
        body: dict[str, Any] = self._empty_schedule(package).to_dict()
        job = body["createPipelineJobRequest"]["pipelineJob"]
        job.update(displayName=package.pipeline, **self._rights(package))
        return {
            **body,
            "cron": self._trigger.cron,
            "allowQueueing": self._trigger.allow_queueing,
            "maxConcurrentRunCount": "1",
        }

    def _schedules(self, pipeline: str) -> list[aiplatform.PipelineJobSchedule]:
        """Returns the schedules of a pipeline, the oldest first."""
        found: list[aiplatform.PipelineJobSchedule] = (
            aiplatform.PipelineJobSchedule.list(
                filter=f'display_name="{pipeline}"', order_by="create_time"
            )
        )
        return found

    def _told(self, schedule: aiplatform.PipelineJobSchedule) -> RemoteSchedule:
        message = schedule.to_dict()
        return RemoteSchedule(
            schedule.resource_name,
            f"cron {message['cron']}",
            message.get("state") == "PAUSED",
            self._url("schedules", schedule.resource_name),
        )

    def _request(self, path: str, body: dict[str, Any]) -> Request:
        scheme = "" if "://" in self._endpoint else "https://"
        return Request(f"{scheme}{self._endpoint}/v1/{self._parent}/{path}", body)

    def _url(self, kind: str, name: str) -> str:
        region, project = self._settings.region, self._settings.project
        last = name.rpartition("/")[2]
        return f"{_CONSOLE}/{region}/pipelines/{kind}/{last}?project={project}"

    @contextlib.contextmanager
    def _asking(self, *, anonymously: bool = False) -> Iterator[None]:
        """Lets the service be asked.

        Args:
            anonymously: whether nothing is going to be sent.

        Raises:
            PlatformError: if it does not answer, or not as asked.
        """
        try:
            with silenced():
                credentials: Any
                if anonymously or self._endpoint.startswith("http://"):
                    credentials = AnonymousCredentials()  # type: ignore[no-untyped-call]
                else:
                    credentials, _ = google.auth.default(scopes=[_SCOPE])
                aiplatform.init(
                    project=self._settings.project,
                    location=self._settings.region,
                    credentials=credentials,
                    api_endpoint=self._endpoint,
                    api_transport="rest",
                )
                yield
        except exceptions.GoogleAPICallError as error:
            said = _ASKED.sub("", error.message)
            raise refused(
                self._endpoint, error.code or 0, said, credentials=_CREDENTIALS
            ) from error
        except google.auth.exceptions.TransportError as error:
            login = f"Google's login, which gives credentials for {self._endpoint},"
            raise not_reached(login, error, check="the network") from error
        except google.auth.exceptions.GoogleAuthError as error:
            why = " ".join(str(error.args[0] if error.args else error).split())
            raise PlatformError(
                f"{self._endpoint}, credentials of Google Cloud: {why} {_CREDENTIALS}"
            ) from error
        except (exceptions.RetryError, requests.exceptions.RequestException) as error:
            raise not_reached(self._endpoint, error) from error
        except json_format.ParseError as error:
            raise not_understood(self._endpoint, "Vertex AI") from error
        except ValueError as error:  # of the client, about what it was given
            why = " ".join(str(error).split())
            raise PlatformError(f"{self._endpoint}: {why}") from error


def _message(body: dict[str, Any], kind: Any) -> Any:
    """Returns a message of the client."""
    message = kind()
    json_format.ParseDict(body, message._pb)
    return message
