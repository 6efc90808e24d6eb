"""Runs and schedules of a server of Kubeflow Pipelines, by its own client."""

import contextlib
import json
import os
from collections.abc import Iterator
from typing import Any

import google.auth.exceptions
import kfp
import kfp_server_api
import urllib3
import yaml
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

from shardline.configs.platform import Kubeflow
from shardline.pipeline.platforms.errors import (
    PlatformError,
    not_reached,
    not_understood,
    refused,
    starting,
)
from shardline.pipeline.platforms.kubeflow_rules import is_in_the_open
from shardline.pipeline.platforms.remote import (
    Package,
    RemoteSchedule,
    Request,
    RunState,
    SubmittedRun,
)
from shardline.pipeline.platforms.silence import silenced
from shardline.pipeline.platforms.triggers import KubeflowTrigger

TOKEN = "SHARDLINE_KUBEFLOW_TOKEN"
_CREDENTIALS = f"Put a token of the server into {TOKEN}."
# Until a server counts as unreachable: to connect, and then to answer, in seconds.
_SILENT_S = (10.0, 30.0)
_PAGE = 100
_STATES: dict[str, RunState] = {
    "SUCCEEDED": "succeeded",
    "FAILED": "failed",
    "CANCELED": "failed",
    "SKIPPED": "failed",
}
_ENABLED = "ENABLED"


class _Client(kfp.Client):
    """The client, which waits for no answer without end, and asks once."""

    def __init__(self, **settings: Any):
        """Takes what the client does, and may ask the server who its users are."""
        super().__init__(**settings)
        rest = self._run_api.api_client.rest_client
        # The client has no setting for it, and hands None on.
        ask = rest.request
        rest.request = lambda *given, **options: ask(
            *given, **{**options, "_request_timeout": _SILENT_S}
        )

    def _load_config(self, *settings: Any) -> Any:
        config = super()._load_config(*settings)
        config.retries = urllib3.Retry(connect=1, read=0)
        return config

    def get_kfp_healthz(self, sleep_duration: int = 0) -> Any:
        """Returns whether the server has several users."""
        return self._healthz_api.healthz_service_get_healthz(_request_timeout=_SILENT_S)


class KubeflowPlatform:
    """A server of Kubeflow Pipelines; see `RemotePlatform`."""

    def __init__(self, settings: Kubeflow, trigger: KubeflowTrigger | None = None):
        """Takes where it is; asks it nothing.

        Args:
            settings: the section of the configuration.
            trigger: when scheduled runs start; None if nothing is to be scheduled.
        """
        self._settings = settings
        self._trigger = trigger
        self._host = settings.host.rstrip("/")

    def submit(self, package: Package) -> SubmittedRun:
        """Starts a run."""
        with self._asking() as client:
            experiment = self._experiment_id(client, package)
            with starting(self._host, package.run, f"{self._host}/#/runs"):
                run = client.create_run_from_pipeline_package(
                    str(package.file),
                    run_name=package.run,
                    experiment_id=experiment,
                    pipeline_root=package.pipeline_root,
                    service_account=package.service_account,
                )
            number = self._sure(run.run_id)
        return SubmittedRun(number, f"{self._host}/#/runs/details/{number}")

    def state_of(self, run: SubmittedRun) -> RunState:
        """Returns how far a run is."""
        with self._asking() as client:
            return _STATES.get(client.get_run(run.id).state or "", "running")

    def schedule(self, pipeline: str) -> RemoteSchedule | None:
        """Returns the schedule of a pipeline; None if there is none."""
        with self._asking() as client:
            found = self._recurring_runs(client, pipeline)
        return self._told(found[0]) if found else None

    def set_schedule(self, package: Package) -> RemoteSchedule:
        """Makes the schedule of a pipeline, or puts another in its place.

        A recurring run cannot be changed. The old one goes on until the new one is
        there: if this fails in between there are two of them, and one again when it is
        repeated.
        """
        assert self._trigger
        with self._asking() as client:
            old = self._recurring_runs(client, package.pipeline)
            new = client.create_recurring_run(
                experiment_id=self._experiment_id(client, package),
                job_name=package.pipeline,
                start_time=self._trigger.start_time,
                interval_second=self._trigger.interval_s,
                cron_expression=self._trigger.cron,
                max_concurrency=1,
                no_catchup=self._trigger.no_catchup,
                pipeline_package_path=str(package.file),
                enabled=not old or any(one.status == _ENABLED for one in old),
                pipeline_root=package.pipeline_root,
                service_account=package.service_account,
            )
            self._sure(new.recurring_run_id)
            for recurring in old:
                client.delete_recurring_run(recurring.recurring_run_id)
            return self._told(client.get_recurring_run(new.recurring_run_id))

    def pause(self, schedule: RemoteSchedule) -> None:
        """Has a schedule start nothing."""
        with self._asking() as client:
            client.disable_recurring_run(schedule.id)

    def resume(self, schedule: RemoteSchedule) -> None:
        """Has a schedule start runs again."""
        with self._asking() as client:
            client.enable_recurring_run(schedule.id)

    def delete(self, schedule: RemoteSchedule) -> None:
        """Removes a schedule; a run that goes on is not ended."""
        with self._asking() as client:
            client.delete_recurring_run(schedule.id)

    def run_request(self, package: Package) -> Request:
        """Returns what `submit` would send."""
        body = kfp_server_api.V2beta1Run(
            display_name=package.run, **self._common(package)
        )
        return self._request("runs", body)

    def schedule_request(self, package: Package) -> Request:
        """Returns what `set_schedule` would send."""
        assert self._trigger
        if self._trigger.cron:
            cron = kfp_server_api.V2beta1CronSchedule(cron=self._trigger.cron)
            trigger = kfp_server_api.V2beta1Trigger(cron_schedule=cron)
        else:
            periodic = kfp_server_api.V2beta1PeriodicSchedule(
                start_time=self._trigger.start_time,
                interval_second=self._trigger.interval_s,
            )
            trigger = kfp_server_api.V2beta1Trigger(periodic_schedule=periodic)
        body = kfp_server_api.V2beta1RecurringRun(
            display_name=package.pipeline,
            mode=kfp_server_api.RecurringRunMode.ENABLE,
            no_catchup=self._trigger.no_catchup,
            max_concurrency=1,
            trigger=trigger,
            **self._common(package),
        )
        return self._request("recurringruns", body)

    def _common(self, package: Package) -> dict[str, Any]:
        """Returns what runs and recurring runs are told alike."""
        return {
            # Only the server knows it.
            "experiment_id": f"(the id of experiment {self._experiment(package)})",
            "pipeline_spec": _specification(package),
            "runtime_config": kfp_server_api.V2beta1RuntimeConfig(
                parameters={}, pipeline_root=package.pipeline_root
            ),
            "service_account": package.service_account,
        }

    def _request(self, kind: str, body: Any) -> Request:
        client = kfp_server_api.ApiClient(kfp_server_api.Configuration(host=self._host))
        return Request(
            f"{self._host}/apis/v2beta1/{kind}",
            client.sanitize_for_serialization(body),
        )

    def _experiment(self, package: Package) -> str:
        return self._settings.experiment or package.pipeline

    def _experiment_id(self, client: _Client, package: Package) -> str:
        experiment = client.create_experiment(
            self._experiment(package), namespace=self._settings.namespace
        )
        return self._sure(experiment.experiment_id)

    def _sure(self, number: str | None) -> str:
        """Returns an id; the client finds none in an answer that it cannot read."""
        if not number:
            raise not_understood(self._host, "Kubeflow Pipelines")
        return number

    def _recurring_runs(self, client: _Client, pipeline: str) -> list[Any]:
        """Returns the recurring runs of a pipeline, those that are enabled first."""
        predicate = {
            "operation": "EQUALS",
            "key": "display_name",
            "stringValue": pipeline,
        }
        found: list[Any] = []
        page = ""
        while True:
            answer = client.list_recurring_runs(
                page_token=page,
                page_size=_PAGE,
                namespace=self._settings.namespace,
                filter=json.dumps({"predicates": [predicate]}),
            )
            found += answer.recurring_runs or []
            page = answer.next_page_token or ""
            if not page:
                return sorted(found, key=lambda recurring: recurring.status != _ENABLED)

    def _told(self, recurring: Any) -> RemoteSchedule:
        trigger, number = recurring.trigger, recurring.recurring_run_id
        if trigger.cron_schedule:
            when = f"cron {trigger.cron_schedule.cron} (seconds first, UTC)"
        else:
            when = f"every {trigger.periodic_schedule.interval_second} s"
        url = f"{self._host}/#/recurringrun/details/{number}"
        return RemoteSchedule(number, when, recurring.status != _ENABLED, url)

    @contextlib.contextmanager
    def _asking(self) -> Iterator[_Client]:
        """Lets the server be asked.

        Raises:
            PlatformError: if it does not answer, or not as asked.
        """
        token = os.environ.get(TOKEN)
        if token and is_in_the_open(self._host):
            raise PlatformError(
                f"{self._host} is reached without encryption, and whoever is on the "
                f"way would read the token in {TOKEN}. Write https:// in section "
                "`platform`."
            )
        try:
            with silenced():
                yield _Client(
                    host=self._settings.host,
                    namespace=self._settings.namespace or "kubeflow",
                    existing_token=token,
                )
        except kfp_server_api.ApiException as error:
            if not error.status:  # no answer at all
                raise not_reached(self._host, error) from error
            raise refused(
                self._host, error.status, _said(error), credentials=_CREDENTIALS
            ) from error
        except urllib3.exceptions.HTTPError as error:
            raise not_reached(self._host, error) from error
        except google.auth.exceptions.GoogleAuthError as error:  # of hosts of Google
            raise PlatformError(
                f"{self._host}: no credentials of Google Cloud. {_CREDENTIALS}"
            ) from error
        except ValueError as error:  # of the client, about what the server has sent
            raise PlatformError(
                f"{self._host}: {' '.join(str(error).split())}"
            ) from error


def _specification(package: Package) -> Any:
    """Returns what a file says of a pipeline, as the client sends it."""
    spec, *others = yaml.safe_load_all(package.file.read_text())
    read = json_format.ParseDict(spec, pipeline_spec_pb2.PipelineSpec())
    pipeline = json_format.MessageToDict(read)
    if not others:
        return pipeline
    platform = json_format.ParseDict(others[0], pipeline_spec_pb2.PlatformSpec())
    return {
        "pipeline_spec": pipeline,
        "platform_spec": json_format.MessageToDict(platform),
    }


def _said(error: kfp_server_api.ApiException) -> str:
    """Returns what a server says of an error, which it may say in several ways."""
    try:
        body = json.loads(error.body or "")
        return str(body.get("message") or body.get("error") or error.reason)
    except (ValueError, AttributeError):
        return str(error.reason)
