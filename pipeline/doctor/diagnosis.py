"""Judges whether this machine and its installation can run a pipeline.

`diagnose` reads the machine once and passes it to every check of `CHECKS`. A check is
a function from a `Machine` to one `Diagnosis`, whose status is `error` if a run would
stop, and `warning` if it would be slow or do without a part. Nothing is changed or
repaired here.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from shardline.pipeline.doctor.machine import Machine, read_machine

Status = Literal["ok", "warning", "error"]

GB = 1_000_000_000
PYTHON = (3, 11)
TESTED_GLIBC = (2, 36)
TFX_PINS_GLIBC = (2, 39)
FREE_BYTES_WARNING = 5 * GB
FREE_BYTES_ERROR = GB
MEMORY_BYTES_WARNING = 8 * GB
NAMED_PACKAGES = 3

_STATUSES: tuple[Status, ...] = ("ok", "warning", "error")  # the gravest is last


@dataclass(frozen=True)
class Diagnosis:
    """What one check says of the machine.

    Attributes:
        check: the name of what was checked, in a word or two.
        status: `error` stops a run; `warning` slows it or leaves a part out.
        found: what the machine has, with its value.
        remedy: what to do about it; empty if `status` is `ok`.
    """

    check: str
    status: Status
    found: str
    remedy: str = ""


def diagnose(folder: Path | None = None) -> list[Diagnosis]:
    """Checks the machine and the installation; takes as long as importing TFX.

    Args:
        folder: the working folder, in which runs are kept; the current one by default.

    Returns:
        One diagnosis for each check, in the order of `CHECKS`.
    """
    machine = read_machine(Path.cwd() if folder is None else folder)
    return [check(machine) for check in CHECKS]


def worst(diagnoses: Iterable[Diagnosis]) -> Status:
    """Returns the gravest status of the diagnoses; `ok` if there are none."""
    statuses = [diagnosis.status for diagnosis in diagnoses]
    return max(statuses, key=_STATUSES.index, default="ok")


def check_python(machine: Machine) -> Diagnosis:
    """The interpreter must be of the minor version the packages are built for."""
    found = ".".join(str(part) for part in machine.python)
    if machine.python[:2] == PYTHON:
        return Diagnosis("python", "ok", found)
    remedy = "Use Python 3.11: `make setup` makes an environment with it."
    return Diagnosis("python", "error", f"{found}, expected 3.11", remedy)


def check_glibc(machine: Machine) -> Diagnosis:
    """The C library must be at least as new as the oldest that was tested."""
    remedy = "Use a Linux with glibc 2.36 or later, such as Debian 12 or Ubuntu 24.04."
    if not machine.glibc:
        return Diagnosis("glibc", "error", "not found, and the wheels need it", remedy)
    version = tuple(int(part) for part in re.findall(r"\d+", machine.glibc))
    if version >= TFX_PINS_GLIBC:
        return Diagnosis("glibc", "ok", machine.glibc)
    if version >= TESTED_GLIBC:
        return Diagnosis("glibc", "ok", f"{machine.glibc} (TFX's own pins need 2.39)")
    return Diagnosis(
        "glibc", "warning", f"{machine.glibc}, tested from 2.36 on", remedy
    )


def check_packages(machine: Machine) -> Diagnosis:
    """Every required package must be installed in a version that is allowed."""
    if machine.required is None:
        found = "no requirements.lock, and shardline is not installed as a package"
        remedy = "Run `make setup` in a checkout."
        return Diagnosis("packages", "warning", found, remedy)
    wrong = [
        f"{package.name} {_installed(package, machine) or 'absent'} "
        f"(required {package.specifier})"
        for package in machine.required
        if not _is_met(package, machine)
    ]
    if not wrong:
        return Diagnosis("packages", "ok", f"{len(machine.required)} as required")
    named = ", ".join(wrong[:NAMED_PACKAGES])
    more = ", ..." if len(wrong) > NAMED_PACKAGES else ""
    found = f"{len(wrong)} of {len(machine.required)} differ: {named}{more}"
    return Diagnosis("packages", "error", found, "Run `make setup`.")


def check_compiler(machine: Machine) -> Diagnosis:
    """Native kernels need a compiler, unless they are built; runs are slow without."""
    if machine.compiler:
        return Diagnosis("compiler", "ok", machine.compiler)
    if machine.imports.kernels == "":
        return Diagnosis("compiler", "ok", "none, and the native kernels are built")
    remedy = (
        "Install g++ (with gcc) to build the native kernels, without which training is "
        "several times slower."
    )
    return Diagnosis("compiler", "warning", "no g++ or c++", remedy)


def check_processor(machine: Machine) -> Diagnosis:
    """TensorFlow is fast only on a processor with AVX2."""
    found = f"{machine.cores} core{'s' if machine.cores != 1 else ''}"
    if not machine.cpuinfo:
        remedy = "Check for AVX2 by hand: without it training is slow."
        found = f"{found}, instruction sets not known"
        return Diagnosis("processor", "warning", found, remedy)
    sets = [name for name in ("avx2", "fma", "avx512f") if _has(machine, name)]
    if "avx2" in sets:
        return Diagnosis("processor", "ok", f"{found}, {' '.join(sets).upper()}")
    remedy = (
        "Training is slow here. Use an x86-64 processor with AVX2; in a virtual "
        "machine, have the host's processor type passed through."
    )
    return Diagnosis("processor", "warning", f"{found}, no AVX2", remedy)


def check_memory(machine: Machine) -> Diagnosis:
    """The memory not in use must hold the tables and one Beam worker."""
    report = dict(re.findall(r"^(\w+):\s+(\d+) kB", machine.meminfo, re.MULTILINE))
    remedy = "Free memory, or train smaller tables and batches."
    if not {"MemTotal", "MemAvailable"} <= report.keys():
        return Diagnosis("memory", "warning", "not known", remedy)
    total, available = (1024 * int(report[key]) for key in ("MemTotal", "MemAvailable"))
    found = f"{_gb(available)} available of {_gb(total)}"
    if available >= MEMORY_BYTES_WARNING:
        return Diagnosis("memory", "ok", found)
    return Diagnosis("memory", "warning", f"{found}, 8 GB are advised", remedy)


def check_disk(machine: Machine) -> Diagnosis:
    """The working folder takes the artifacts of every run."""
    found = f"{_gb(machine.free_bytes)} free in {machine.folder}"
    remedy = "Free disk space, or work in a folder on another disk."
    if machine.free_bytes < FREE_BYTES_ERROR:
        return Diagnosis("disk", "error", f"{found}, at least 1 GB is needed", remedy)
    if machine.free_bytes < FREE_BYTES_WARNING:
        return Diagnosis("disk", "warning", f"{found}, 5 GB are advised", remedy)
    return Diagnosis("disk", "ok", found)


def check_database(machine: Machine) -> Diagnosis:
    """The metadata of runs is an SQLite database in the working folder."""
    if not machine.database_fault:
        return Diagnosis("database", "ok", f"SQLite works in {machine.folder}")
    found = f"no SQLite database in {machine.folder}: {machine.database_fault}"
    remedy = "Work in a folder that exists and can be written to, on a local disk."
    return Diagnosis("database", "error", found, remedy)


def check_tensorflow(machine: Machine) -> Diagnosis:
    """TensorFlow must import, which not every processor survives."""
    version = machine.imports.versions.get("tensorflow")
    if version is None:
        remedy = (
            "Run `make setup`. SIGILL or SIGABRT: the processor lacks instructions "
            "(AVX) that TensorFlow's wheels use."
        )
        return Diagnosis("tensorflow", "error", machine.imports.fault, remedy)
    kinds = Counter(machine.imports.devices)
    devices = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
    return Diagnosis("tensorflow", "ok", f"{version}, sees {devices or 'no device'}")


def check_kernels(machine: Machine) -> Diagnosis:
    """Without the native kernels training is several times slower."""
    if machine.imports.kernels is None:
        found = "not tried, because TensorFlow does not import"
        return Diagnosis("kernels", "warning", found, "See tensorflow.")
    if not machine.imports.kernels:
        return Diagnosis("kernels", "ok", "native")
    remedy = (
        f"{machine.imports.kernels} Until then stock TensorFlow ops are used: "
        "the results are the same, several times slower."
    )
    return Diagnosis("kernels", "warning", "stock TensorFlow ops", remedy)


def check_tfx(machine: Machine) -> Diagnosis:
    """TFX must import, and TFDV after it."""
    versions = machine.imports.versions
    if "tfdv" in versions:
        found = f"{versions['tfx']}, with TFDV {versions['tfdv']}"
        return Diagnosis("tfx", "ok", found)
    if "tensorflow" not in versions:
        found = "not tried, because TensorFlow does not import"
        return Diagnosis("tfx", "error", found, "See tensorflow.")
    remedy = "Run `make setup`. Import tfx before tensorflow_data_validation."
    return Diagnosis("tfx", "error", machine.imports.fault, remedy)


CHECKS: tuple[Callable[[Machine], Diagnosis], ...] = (
    check_python,
    check_glibc,
    check_packages,
    check_compiler,
    check_processor,
    check_memory,
    check_disk,
    check_database,
    check_tensorflow,
    check_kernels,
    check_tfx,
)


def _installed(requirement: Requirement, machine: Machine) -> str:
    return machine.installed.get(canonicalize_name(requirement.name), "")


def _is_met(requirement: Requirement, machine: Machine) -> bool:
    version = _installed(requirement, machine)
    return bool(version) and requirement.specifier.contains(version, prereleases=True)


def _has(machine: Machine, instruction_set: str) -> bool:
    return (
        re.search(rf"^flags.*\b{instruction_set}\b", machine.cpuinfo, re.M) is not None
    )


def _gb(size: int) -> str:
    return f"{size / GB:.1f} GB"
