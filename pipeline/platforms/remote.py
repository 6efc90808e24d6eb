"""What all platforms are asked, whoever answers."""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Protocol


@dataclasses.dataclass(frozen=True)
class Package:
    """A compiled pipeline, and as what it runs.

    Attributes:
        file: the specification.
        pipeline: its name.
        run: the name of the run, and no other's.
        pipeline_root: where the platform keeps artifacts.
        service_account: as whom steps run; None: as the platform has it.
        labels: of the run.
    """

    file: Path
    pipeline: str
    run: str
    pipeline_root: str
    service_account: str | None
    labels: Mapping[str, str]


@dataclasses.dataclass(frozen=True)
class Request:
    """What a platform is sent.

    Attributes:
        url: where.
        body: what, as JSON.
    """

    url: str
    body: Mapping[str, Any]

    @property
    def text(self) -> str:
        """The request, for people and programs."""
        told = {"method": "POST", "url": self.url, "body": self.body}
        return json.dumps(told, indent=2)


@dataclasses.dataclass(frozen=True)
class SubmittedRun:
    """A run that a platform has taken.

    Attributes:
        id: by which the platform knows it.
        url: where people see it.
    """

    id: str
    url: str


@dataclasses.dataclass(frozen=True)
class RemoteSchedule:
    """A schedule that a platform has.

    Attributes:
        id: by which the platform knows it.
        when: in the platform's words.
        is_paused: whether it starts nothing.
        url: where people see it.
    """

    id: str
    when: str
    is_paused: bool
    url: str


RunState = Literal["running", "succeeded", "failed"]


class RemotePlatform(Protocol):
    """A server that runs pipelines. All methods but the last two ask it.

    All that ask raise `PlatformError` if it does not answer, or not as asked.
    """

    def submit(self, package: Package) -> SubmittedRun:
        """Starts a run."""
        ...

    def state_of(self, run: SubmittedRun) -> RunState:
        """Returns how far a run is."""
        ...

    def schedule(self, pipeline: str) -> RemoteSchedule | None:
        """Returns the schedule of a pipeline; None if there is none."""
        ...

    def set_schedule(self, package: Package) -> RemoteSchedule:
        """Makes the schedule of a pipeline, or has it start this from now on.

        One that is paused stays so.
        """
        ...

    def pause(self, schedule: RemoteSchedule) -> None:
        """Has a schedule start nothing."""
        ...

    def resume(self, schedule: RemoteSchedule) -> None:
        """Has a schedule start runs again."""
        ...

    def delete(self, schedule: RemoteSchedule) -> None:
        """Removes a schedule; a run that goes on is not ended."""
        ...

    def run_request(self, package: Package) -> Request:
        """Returns what `submit` would send."""
        ...

    def schedule_request(self, package: Package) -> Request:
        """Returns what `set_schedule` would send where there is none."""
        ...
