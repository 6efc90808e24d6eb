"""Where the pipeline runs when it runs on Kubeflow or Vertex AI."""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from shardline.configs.fault import Part
from shardline.configs.section import Section

# Of a configuration, for the faults of the section.
PART = Part("platform", ("platform",))

_LOCATION = re.compile(r"([a-z][a-z0-9+.-]*://[^\s]+|/[^\s]*)")
_IMAGE = re.compile(
    r"([A-Za-z0-9][A-Za-z0-9.-]*(:[0-9]+)?/)?[a-z0-9]+((\.|_{1,2}|-+|/)[a-z0-9]+)*"
    r"(:\w[\w.-]{0,127})?(@sha256:[0-9a-f]{64})?"
)
_HOST = re.compile(r"https?://[^\s/]+(/[^\s]*)?")
_NAMESPACE = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_PROJECT = re.compile(r"([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]|[0-9]+")
_REGION = re.compile(r"[a-z]+(-[a-z]+)+[0-9]+")
_NETWORK = re.compile(r"projects/[^/\s]+/global/networks/[^/\s]+")
_ENDPOINT = re.compile(
    r"(https://)?[A-Za-z0-9.-]+(:[0-9]+)?|http://(localhost|127\.0\.0\.1)(:[0-9]+)?"
)


def _matching(pattern: re.Pattern[str], expected: str) -> BeforeValidator:
    """Returns what refuses anything but text of a pattern."""

    def check(value: Any) -> Any:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise PydanticCustomError("no_match", "{expected}", {"expected": expected})
        return value

    return BeforeValidator(check)


Location = Annotated[
    str,
    _matching(
        _LOCATION,
        "a location that containers see is a URI, such as gs://bucket/folder, or an "
        "absolute path",
    ),
]
Image = Annotated[
    str,
    _matching(
        _IMAGE,
        "an image is named as a registry takes it, such as registry/shardline:1",
    ),
]


class Kubeflow(Section):
    """A server of Kubeflow Pipelines.

    Attributes:
        host: its address.
        namespace: of the user, where it serves several; None where it does not.
        experiment: under which runs are listed; None: the name of the pipeline.
    """

    host: Annotated[
        str,
        _matching(
            _HOST,
            "the address of a server is written https://HOST[:PORT], or http:// on "
            "this machine and within a cluster",
        ),
    ]
    namespace: (
        Annotated[
            str,
            _matching(
                _NAMESPACE,
                "a namespace has at most 63 lower case letters, digits and hyphens",
            ),
        ]
        | None
    ) = None
    experiment: Annotated[str | None, Field(min_length=1, max_length=128)] = None


class Vertex(Section):
    """A project of Google Cloud whose Vertex AI runs pipelines.

    Attributes:
        project: its id.
        region: where runs take place.
        network: the full name of a network that steps reach; None for none.
        endpoint: the address of the service; None: the region's own. Over http:// it is
            a stand-in on this machine, and no credentials are sent.
    """

    project: Annotated[
        str, _matching(_PROJECT, "a project is named by its id, such as my-project-1")
    ]
    region: Annotated[
        str, _matching(_REGION, "a region is named as Google has it: europe-west4")
    ]
    network: (
        Annotated[
            str,
            _matching(
                _NETWORK,
                "a network is written projects/NUMBER/global/networks/NAME",
            ),
        ]
        | None
    ) = None
    endpoint: (
        Annotated[
            str,
            _matching(
                _ENDPOINT,
                "an endpoint is written HOST[:PORT]; http:// is for this machine only",
            ),
        ]
        | None
    ) = None


class Platform(Section):
    """Where the pipeline runs, and by what; options of a command go before it.

    Attributes:
        image: the container image that has Shardline installed.
        pipeline_root: where the platform keeps artifacts.
        serving_dir: where models are published.
        data_path: where containers find the raw data.
        service_account: as whom steps run; None: as the platform has it.
        labels: what runs and steps are marked with.
        kubeflow: the server for `--runner kubeflow`.
        vertex: the project for `--runner vertex`.
    """

    image: Image | None = None
    pipeline_root: Location | None = None
    serving_dir: Location | None = None
    data_path: Location | None = None
    service_account: Annotated[str | None, Field(pattern=r"^[^\s]+$")] = None
    labels: dict[str, Annotated[str, Field(strict=True)]] = Field(default_factory=dict)
    kubeflow: Kubeflow | None = None
    vertex: Vertex | None = None
