"""What Vertex AI takes of a configuration."""

import difflib
import re
from collections.abc import Iterator, Mapping

from shardline.configs.fault import Fault, Part
from shardline.configs.platform import PART, Platform
from shardline.configs.resources import Accelerator, Resources

_MOST_LABELS = 64
_LABEL = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_VALUE = re.compile(r"[a-z0-9_-]{0,63}")
_ACCOUNT = re.compile(r"[^@\s]+@[^@\s]+\.gserviceaccount\.com")
_BUCKET, _MOUNTED = "gs://", "/gcs/"
# The names that the service has; a test holds them against its client.
GPUS = (
    "NVIDIA_A100_80GB",
    "NVIDIA_B200",
    "NVIDIA_GB200",
    "NVIDIA_H100_80GB",
    "NVIDIA_H100_MEGA_80GB",
    "NVIDIA_H200_141GB",
    "NVIDIA_L4",
    "NVIDIA_RTX_PRO_6000",
    "NVIDIA_TESLA_A100",
    "NVIDIA_TESLA_K80",
    "NVIDIA_TESLA_P100",
    "NVIDIA_TESLA_P4",
    "NVIDIA_TESLA_T4",
    "NVIDIA_TESLA_V100",
)


def faults(platform: Platform, resources: Mapping[str, Resources]) -> Iterator[Fault]:
    """Yields what Vertex AI would refuse.

    Args:
        platform: the section, with options of the command in it.
        resources: what steps need, by component.
    """
    yield from _location_faults(platform)
    yield from _label_faults(platform.labels)
    account = platform.service_account
    if account and not _ACCOUNT.fullmatch(account):
        yield PART.fault(
            f"`{account}` is no service account of Google Cloud, which is written "
            "NAME@PROJECT.iam.gserviceaccount.com",
            key="service_account",
        )
    for component, needed in resources.items():
        yield from _resource_faults(component, needed)


def gpu_name(accelerator: Accelerator) -> str:
    """Returns a model of a GPU as the service names it.

    Args:
        accelerator: a model, such as `NVIDIA_L4` or, as Kubernetes has it, `nvidia-l4`.
    """
    return accelerator.type.upper().replace("-", "_")


def _location_faults(platform: Platform) -> Iterator[Fault]:
    root = platform.pipeline_root
    if root and not root.startswith(_BUCKET):
        yield PART.fault(
            f"Vertex keeps artifacts in a bucket, and `pipeline_root` is {root}",
            f"write {_BUCKET}BUCKET/FOLDER",
            key="pipeline_root",
        )
    for key in ("serving_dir", "data_path"):
        location = getattr(platform, key)
        if location and location[0] == "/" and not location.startswith(_MOUNTED):
            yield PART.fault(
                f"containers of Vertex do not see `{key}`, {location}",
                f"write {_BUCKET}BUCKET/FOLDER",
                key=key,
            )
    serving = platform.serving_dir or ""
    if serving.startswith(_MOUNTED):
        yield PART.fault(
            "publishing to a folder takes locks and renames of folders, which a "
            f"bucket that is mounted has not, and `serving_dir` is {serving}",
            f"write {serving.replace(_MOUNTED, _BUCKET, 1)}",
            key="serving_dir",
        )


def _label_faults(labels: Mapping[str, str]) -> Iterator[Fault]:
    part = Part("platform.labels", ("platform", "labels"))
    if len(labels) > _MOST_LABELS:
        yield PART.fault(
            f"Vertex takes at most {_MOST_LABELS} labels, got {len(labels)}",
            key="labels",
        )
    for key, value in labels.items():
        if not _LABEL.fullmatch(key):
            yield part.fault(
                f"`{key}` is no key of a label of Vertex, which has at most 63 lower "
                "case letters, digits, hyphens and underscores, the first a letter",
                key=key,
            )
        if not _VALUE.fullmatch(value):
            yield part.fault(
                f"`{value}` is no value of a label of Vertex, which has at most 63 "
                "lower case letters, digits, hyphens and underscores",
                key=key,
            )


def _resource_faults(component: str, needed: Resources) -> Iterator[Fault]:
    part = Part(f"resources.{component}", ("resources", component))
    if needed.tpu:
        yield part.fault(
            f"steps of Vertex pipelines take no TPU, got {needed.tpu.type}",
            "run it on Kubeflow, or ask for a GPU",
            key="tpu",
        )
    if needed.accelerator and gpu_name(needed.accelerator) not in GPUS:
        near = difflib.get_close_matches(gpu_name(needed.accelerator), GPUS, n=1)
        yield part.fault(
            f"Vertex has no accelerator `{needed.accelerator.type}`",
            f"did you mean {near[0]}?" if near else f"it has {', '.join(GPUS)}",
            key="accelerator",
        )
