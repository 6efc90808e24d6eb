"""Judges whether this machine and its installation can run a pipeline.

`diagnose` reads the machine once and puts every check of `CHECKS` to it. A check is a
plain function from what was read to one `Finding`: `error` is what stops a run,
`warning` what slows it or leaves a part out. Nothing is changed or repaired here.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from rich.console import Console
from rich.table import Table
from rich.text import Text

from shardline.pipeline.doctor.machine import Machine, read_machine
from shardline.pipeline.terminal.tables import print_table

Status = Literal["ok", "warning", "error"]

GB = 1_000_000_000
PYTHON = (3, 11)
TRIED_GLIBC = (2, 36)
TFX_PINS_GLIBC = (2, 39)
FREE_BYTES_WARNING = 5 * GB
FREE_BYTES_ERROR = GB
MEMORY_BYTES_WARNING = 8 * GB
NAMED_PACKAGES = 3

_STYLES: dict[Status, str] = {"ok": "green", "warning": "yellow", "error": "red"}


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Attributes:
        check: the checked thing, in a word or two.
        status: `error` stops a run, `warning` slows it or leaves a part out.
        found: the fact, with its value.
        remedy: what to do about it; empty when `status` is `ok`.
    """

    check: str
    status: Status
    found: str
    remedy: str = ""


def diagnose(project: Path | None = None) -> list[Finding]:
    """Checks the machine and the installation; takes as long as importing TFX.

    Args:
        project: folder the runs are kept in; the current folder by default.

    Returns:
        One finding a check, in the order of `CHECKS`.
    """
    machine = read_machine(Path.cwd() if project is None else project)
    return [check(machine) for check in CHECKS]


def worst(findings: Iterable[Finding]) -> Status:
    """The gravest status among the findings; `ok` when there are none."""
    gravity = list(_STYLES)
    return max((one.status for one in findings), key=gravity.index, default="ok")


def render(findings: Iterable[Finding], console: Console) -> None:
    """Prints the findings as a table, and below it the remedies.

    Args:
        findings: what `diagnose` returned.
        console: where to print.
    """
    findings = list(findings)
    table = Table("check", "status", "found")
    for one in findings:
        status = Text(one.status, style=_STYLES[one.status])
        table.add_row(Text(one.check), status, Text(one.found))
    print_table(table, console)
    for one in findings:
        if one.status != "ok":
            label = (f"{one.check}: ", _STYLES[one.status])
            console.print(Text.assemble(label, one.remedy))


def check_python(machine: Machine) -> Finding:
    """The interpreter must be of the minor version the packages are built for."""
    found = ".".join(str(part) for part in machine.python)
    if machine.python[:2] == PYTHON:
        return Finding("python", "ok", found)
    remedy = "Use Python 3.11: `make setup` makes an environment with it."
    return Finding("python", "error", f"{found}, expected 3.11", remedy)


def check_glibc(machine: Machine) -> Finding:
    """The C library must be at least as new as the one the wheels were tried on."""
    remedy = "Use a Linux with glibc 2.36 or later, such as Debian 12 or Ubuntu 24.04."
    if not machine.glibc:
        return Finding("glibc", "error", "none, the wheels are built for it", remedy)
    version = tuple(int(part) for part in re.findall(r"\d+", machine.glibc))
    if version >= TFX_PINS_GLIBC:
        return Finding("glibc", "ok", machine.glibc)
    if version >= TRIED_GLIBC:
        return Finding("glibc", "ok", f"{machine.glibc} (TFX's own pins need 2.39)")
    return Finding("glibc", "warning", f"{machine.glibc}, tried from 2.36 on", remedy)


def check_packages(machine: Machine) -> Finding:
    """Every required package must be installed in a version that is allowed."""
    if machine.required is None:
        found = "no requirements.lock, and shardline is not installed as a package"
        return Finding("packages", "warning", found, "Run `make setup` in a checkout.")
    wrong = [
        f"{one.name} {_installed(one, machine) or 'absent'} (required {one.specifier})"
        for one in machine.required
        if not _is_met(one, machine)
    ]
    if not wrong:
        return Finding("packages", "ok", f"{len(machine.required)} as required")
    named = ", ".join(wrong[:NAMED_PACKAGES])
    more = ", ..." if len(wrong) > NAMED_PACKAGES else ""
    found = f"{len(wrong)} of {len(machine.required)} differ: {named}{more}"
    return Finding("packages", "error", found, "Run `make setup`.")


def check_compiler(machine: Machine) -> Finding:
    """A compiler is wanted for native code; nothing stops without one."""
    if machine.compiler:
        return Finding("compiler", "ok", machine.compiler)
    remedy = (
        "Install g++ (with gcc) to build the native kernels, without which training is "
        "several times slower."
    )
    return Finding("compiler", "warning", "no g++ or c++", remedy)


def check_processor(machine: Machine) -> Finding:
    """TensorFlow is fast only on a processor with AVX2."""
    found = f"{machine.cores} core{'s' if machine.cores != 1 else ''}"
    if not machine.cpuinfo:
        remedy = "Check for AVX2 by hand: without it training is slow."
        found = f"{found}, instruction sets not known"
        return Finding("processor", "warning", found, remedy)
    sets = [name for name in ("avx2", "fma", "avx512f") if _has(machine, name)]
    if "avx2" in sets:
        return Finding("processor", "ok", f"{found}, {' '.join(sets).upper()}")
    remedy = (
        "Training is slow here. Use an x86-64 processor with AVX2; in a virtual "
        "machine, have the host's processor type passed through."
    )
    return Finding("processor", "warning", f"{found}, no AVX2", remedy)


def check_memory(machine: Machine) -> Finding:
    """The memory not in use must hold the tables and one Beam worker."""
    report = dict(re.findall(r"^(\w+):\s+(\d+) kB", machine.meminfo, re.MULTILINE))
    remedy = "Free memory, or train smaller tables and batches."
    if not {"MemTotal", "MemAvailable"} <= report.keys():
        return Finding("memory", "warning", "not known", remedy)
    total, available = (1024 * int(report[key]) for key in ("MemTotal", "MemAvailable"))
    found = f"{_gb(available)} available of {_gb(total)}"
    if available >= MEMORY_BYTES_WARNING:
        return Finding("memory", "ok", found)
    return Finding("memory", "warning", f"{found}, 8 GB are advised", remedy)


def check_disk(machine: Machine) -> Finding:
    """The working folder takes the artifacts of every run."""
    found = f"{_gb(machine.free_bytes)} free in {machine.folder}"
    remedy = "Free disk space, or work in a folder on another disk."
    if machine.free_bytes < FREE_BYTES_ERROR:
        return Finding("disk", "error", f"{found}, at least 1 GB is needed", remedy)
    if machine.free_bytes < FREE_BYTES_WARNING:
        return Finding("disk", "warning", f"{found}, 5 GB are advised", remedy)
    return Finding("disk", "ok", found)


def check_database(machine: Machine) -> Finding:
    """The metadata of runs is an SQLite database in the working folder."""
    if not machine.database_fault:
        return Finding("database", "ok", f"SQLite works in {machine.folder}")
    found = f"no SQLite database in {machine.folder}: {machine.database_fault}"
    remedy = "Work in a folder that exists and can be written to, on a local disk."
    return Finding("database", "error", found, remedy)


def check_tensorflow(machine: Machine) -> Finding:
    """TensorFlow must import, which not every processor survives."""
    version = machine.imports.versions.get("tensorflow")
    if version is None:
        remedy = (
            "Run `make setup`. SIGILL or SIGABRT: the processor lacks instructions "
            "(AVX) that TensorFlow's wheels use."
        )
        return Finding("tensorflow", "error", machine.imports.fault, remedy)
    kinds = Counter(machine.imports.devices)
    seen = ", ".join(f"{count} {kind}" for kind, count in kinds.items()) or "no device"
    return Finding("tensorflow", "ok", f"{version}, sees {seen}")


def check_kernels(machine: Machine) -> Finding:
    """Without the native kernels training is several times slower."""
    if machine.imports.kernels is None:
        found = "not tried, because TensorFlow does not import"
        return Finding("kernels", "warning", found, "See tensorflow.")
    if not machine.imports.kernels:
        return Finding("kernels", "ok", "native")
    remedy = (
        f"{machine.imports.kernels} Until then stock TensorFlow ops serve: the same "
        "results, several times slower."
    )
    return Finding("kernels", "warning", "stock TensorFlow ops", remedy)


def check_tfx(machine: Machine) -> Finding:
    """TFX must import, and TFDV after it."""
    versions = machine.imports.versions
    if "tfdv" in versions:
        found = f"{versions['tfx']}, with TFDV {versions['tfdv']}"
        return Finding("tfx", "ok", found)
    if "tensorflow" not in versions:
        found = "not tried, because TensorFlow does not import"
        return Finding("tfx", "error", found, "See tensorflow.")
    remedy = "Run `make setup`. Import tfx before tensorflow_data_validation."
    return Finding("tfx", "error", machine.imports.fault, remedy)


CHECKS: tuple[Callable[[Machine], Finding], ...] = (
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
