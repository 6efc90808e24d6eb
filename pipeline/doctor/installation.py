"""Reads which packages are required and installed, and whether they can be imported.

They are imported in another process: an import takes seconds, changes the environment
of its process, and can end that process.
"""

import contextlib
import importlib.metadata
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from shardline.components.execution.exit_status import how_ended

DISTRIBUTION = "shardline"
# The doctor is asked whether pipelines can run, so what that extra needs is required.
# The empty name stands for what is required without any extra.
EXTRAS = ("", "pipeline")
IMPORT_LIMIT_S = 300.0

# Prints a line of JSON for every stage that is reached; all other lines come from the
# packages. TFDV reads a module that only `import tfx` supplies, hence the order.
_IMPORT_STAGES = """
import json
def reached(**versions):
    print("\\nstage" + json.dumps(versions), flush=True)
import tensorflow
kinds = [device.device_type for device in tensorflow.config.list_physical_devices()]
reached(tensorflow=tensorflow.__version__, devices=kinds)
from shardline.embedding.native.library import missing_reason
reached(kernels=missing_reason())
import tfx
import tensorflow_data_validation
reached(tfx=tfx.__version__, tfdv=tensorflow_data_validation.__version__)
"""


@dataclass(frozen=True)
class Imports:
    """How far a fresh process came in importing TensorFlow, then TFX and TFDV.

    Attributes:
        versions: version of each of `tensorflow`, `tfx` and `tfdv` that was imported.
        devices: device type of each device TensorFlow sees, such as `CPU`.
        fault: why the process ended early; empty if it did not.
        kernels: why the embedding engine has no native kernels; empty if it has them,
            None if the process ended before that was known.
    """

    versions: Mapping[str, str] = field(default_factory=dict)
    devices: tuple[str, ...] = ()
    fault: str = ""
    kernels: str | None = None


def required_packages(
    lock: Path, distribution: str = DISTRIBUTION
) -> tuple[Requirement, ...] | None:
    """Returns the packages that must be installed.

    Args:
        lock: file of `name==version` lines, as `make lock` writes it.
        distribution: package whose own requirements count when there is no lock.

    Returns:
        The requirements, of which a package has two if an extra narrows its version;
        None if there is neither lock nor package.
    """
    if lock.is_file():
        return parse_lock(lock.read_text())
    try:
        lines = importlib.metadata.requires(distribution) or []
    except importlib.metadata.PackageNotFoundError:
        return None
    return _requirements(lines)


def parse_lock(text: str) -> tuple[Requirement, ...]:
    """Returns the requirements in a lock's text, without hashes and comments."""
    lines = re.findall(r"^[A-Za-z0-9][^#\n\\]*", text, flags=re.MULTILINE)
    return _requirements(line.split(" --hash")[0] for line in lines)


def installed_packages() -> dict[str, str]:
    """Returns the version of every installed package, by canonical name.

    Of a package that is installed twice the first in the import path counts, as in an
    import. The remains of a broken installation, which have no name, do not count.
    """
    versions: dict[str, str] = {}
    for package in reversed(list(importlib.metadata.distributions())):
        # Where the backport `importlib_metadata` is loaded, it finds packages as well.
        with contextlib.suppress(FileNotFoundError):
            if package.name:
                versions[canonicalize_name(package.name)] = package.version
    return versions


def try_imports(
    run: Callable[..., subprocess.CompletedProcess[bytes]] = subprocess.run,
    limit_s: float = IMPORT_LIMIT_S,
) -> Imports:
    """Imports TensorFlow, then TFX and TFDV, in a fresh process.

    An import can hang, or end its process on a processor without the instructions that
    a wheel was compiled for.

    Args:
        run: runs a command.
        limit_s: seconds after which the process is ended.

    Returns:
        What was imported, and why the rest was not.
    """
    # -P: what is installed counts, not a module of the same name in this folder.
    command = [sys.executable, "-P", "-c", _IMPORT_STAGES]
    try:
        done = run(command, capture_output=True, timeout=limit_s)
    except subprocess.TimeoutExpired as expired:
        return _imports(expired.stdout or b"", f"no end within {limit_s:.0f} s")
    return _imports(done.stdout, _fault(done.returncode, done.stderr))


def _imports(stdout: bytes, fault: str) -> Imports:
    versions: dict[str, Any] = {}
    for line in stdout.decode(errors="replace").splitlines():
        if line.startswith("stage"):
            versions |= json.loads(line.removeprefix("stage"))
    devices = tuple(versions.pop("devices", ()))
    kernels = versions.pop("kernels", None)
    return Imports(versions, devices, fault, kernels)


def _fault(code: int, stderr: bytes) -> str:
    if code == 0:
        return ""
    lines = stderr.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines and code > 0 else f"the process {how_ended(code)}"


def _requirements(lines: Iterable[str]) -> tuple[Requirement, ...]:
    """Returns the requirements that hold on this platform, for all of `EXTRAS`."""
    parsed = (Requirement(line.strip()) for line in lines)
    return tuple(
        requirement
        for requirement in parsed
        if requirement.marker is None
        or any(requirement.marker.evaluate({"extra": extra}) for extra in EXTRAS)
    )
