"""What Kubeflow, and Kubernetes below it, take of a configuration."""

import ipaddress
import re
import urllib.parse
from collections.abc import Iterator, Mapping

from shardline.configs.fault import Fault, Part
from shardline.configs.platform import PART, Platform
from shardline.configs.resources import Accelerator, Resources

_WORD = r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?"
_DOMAIN = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*"
_LABEL = re.compile(rf"({_DOMAIN}/)?{_WORD}")
_VALUE = re.compile(rf"({_WORD})?")
_ACCOUNT = re.compile(_DOMAIN)
_MOST_OF_A_DOMAIN = 253
_GPU = "nvidia.com/gpu"
_OF_A_CLUSTER = (".svc", ".svc.cluster.local")


def faults(platform: Platform, resources: Mapping[str, Resources]) -> Iterator[Fault]:
    """Yields what Kubeflow would refuse.

    Args:
        platform: the section, with options of the command in it.
        resources: what steps need, by component.
    """
    for key, value in platform.labels.items():
        yield from _label_faults(key, value)
    account = platform.service_account
    if account and not (
        _ACCOUNT.fullmatch(account) and len(account) <= _MOST_OF_A_DOMAIN
    ):
        yield PART.fault(
            f"`{account}` is no service account of Kubernetes, which has lower case "
            "letters, digits, hyphens and dots",
            key="service_account",
        )
    for component, needed in resources.items():
        if needed.accelerator and not gpu_resource(needed.accelerator):
            yield Part(f"resources.{component}", ("resources", component)).fault(
                f"`{needed.accelerator.type}` is no accelerator of Kubernetes",
                "name a model, such as nvidia-l4, or a resource, such as amd.com/gpu",
                key="accelerator",
            )


def is_in_the_open(address: str) -> bool:
    """Tells whether what a server is sent can be read on the way.

    Args:
        address: of the server; over http:// only this machine and the services of a
            cluster are near.
    """
    url = urllib.parse.urlsplit(address)
    host = url.hostname or ""
    if url.scheme == "https":
        return False
    try:
        return not ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name
        return "." in host and not host.endswith(_OF_A_CLUSTER)


def _label_faults(key: str, value: str) -> Iterator[Fault]:
    part = Part("platform.labels", ("platform", "labels"))
    if not _LABEL.fullmatch(key) or len(key.rpartition("/")[0]) > _MOST_OF_A_DOMAIN:
        yield part.fault(
            f"`{key}` is no key of a label of Kubernetes, which has at most 63 "
            "letters, digits, dots, hyphens and underscores, and begins and ends with "
            "a letter or digit",
            key=key,
        )
    if not _VALUE.fullmatch(value):
        yield part.fault(
            f"`{value}` is no value of a label of Kubernetes, which has at most 63 "
            "letters, digits, dots, hyphens and underscores, and begins and ends with "
            "a letter or digit",
            key=key,
        )


def gpu_resource(accelerator: Accelerator) -> str:
    """Returns the resource of Kubernetes that stands for GPUs; "" if there is none.

    Args:
        accelerator: a model, or the name of the resource itself.
    """
    if "/" in accelerator.type:
        return accelerator.type
    return _GPU if gpu_model(accelerator) else ""


def gpu_model(accelerator: Accelerator) -> str:
    """Returns a model as machines of Google are labelled; "" if any model does.

    Args:
        accelerator: a model, such as `nvidia-l4` or, as Vertex has it, `NVIDIA_L4`.
    """
    model = accelerator.type.lower().replace("_", "-")
    return model if model.startswith("nvidia-") else ""
