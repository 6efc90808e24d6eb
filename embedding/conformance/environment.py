"""What a report says of the machine and the software that it is of."""

import importlib.metadata
import os
import platform
import re
from collections import Counter
from pathlib import Path

import numpy as np
import tensorflow as tf

from shardline.embedding.native.build import digest_of, library_path
from shardline.embedding.native.library import CHOICE, missing_reason, usable_ops


def environment() -> dict[str, str]:
    """Returns versions, kernels, devices and processor, by name."""
    return {
        "Shardline": _version("shardline"),
        "TensorFlow": tf.version.VERSION,
        "numpy": np.__version__,
        "Python": platform.python_version(),
        "kernels": _kernels(),
        "devices": _devices(),
        "processor": _processor(),
    }


def _version(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return "not installed as a package"


def _kernels() -> str:
    """Returns which kernels CPU hosts of this process use."""
    if usable_ops() is None:
        is_wanted = os.environ.get(CHOICE) == "stock"
        return "stock TensorFlow ops" + ("" if is_wanted else f": {missing_reason()}")
    return f"native {digest_of(library_path())}"


def _devices() -> str:
    kinds = Counter(device.device_type for device in tf.config.list_logical_devices())
    return ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        text = ""
    model = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    name = model[1] if model else platform.machine()
    return f"{name}, {os.cpu_count()} cores"
