"""Every check of the doctor, healthy and broken, on facts made by hand."""

import dataclasses
import io
import json
import re
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from rich.console import Console

from shardline.pipeline.doctor import diagnosis as doctor
from shardline.pipeline.doctor import installation, machine
from shardline.pipeline.doctor.diagnosis import GB, Finding
from shardline.pipeline.doctor.installation import Imports
from shardline.pipeline.doctor.machine import Machine

VERSIONS = {"tensorflow": "2.21.0", "tfx": "1.21.0", "tfdv": "1.16.1"}

LOCK = """\
# Written by
#    make lock
absl-py==1.4.0 \\
    --hash=sha256:0d3f \\
    --hash=sha256:d2c2
    # via
    #   keras
PyYAML==6.0.3 --hash=sha256:aaaa
colorama==0.4.6 ; sys_platform == 'win32' \\
    --hash=sha256:bbbb
numpy==2.4.6
"""


def meminfo(total_gb: float, available_gb: float) -> str:
    """The kernel's memory report for these sizes, in 10^9 bytes."""
    total, available = (int(gb * GB) // 1024 for gb in (total_gb, available_gb))
    return f"MemTotal:  {total} kB\nMemFree:  1 kB\nMemAvailable:  {available} kB\n"


@pytest.fixture
def healthy() -> Machine:
    """A machine on which every check passes."""
    return Machine(
        python=(3, 11, 7),
        glibc="2.39",
        required=(Requirement("numpy==2.4.6"), Requirement("PyYAML>=6")),
        installed={"numpy": "2.4.6", "pyyaml": "6.0.3"},
        compiler="g++ (Debian) 12.2.0",
        folder=Path("runs"),
        free_bytes=50 * GB,
        database_fault="",
        meminfo=meminfo(16, 12),
        cpuinfo="model name\t: any\nflags\t\t: fpu avx avx2 fma\n",
        cores=2,
        imports=Imports(VERSIONS, ("CPU",), kernels=""),
    )


def test_healthy_machine_passes_every_check_with_no_remedy(healthy: Machine) -> None:
    findings = [check(healthy) for check in doctor.CHECKS]

    assert [one for one in findings if one.status != "ok" or one.remedy] == []
    assert len({one.check for one in findings}) == len(doctor.CHECKS)
    assert {one.check: one.found for one in findings} == {
        "python": "3.11.7",
        "glibc": "2.39",
        "packages": "2 as required",
        "compiler": "g++ (Debian) 12.2.0",
        "processor": "2 cores, AVX2 FMA",
        "memory": "12.0 GB available of 16.0 GB",
        "disk": "50.0 GB free in runs",
        "database": "SQLite works in runs",
        "tensorflow": "2.21.0, sees 1 CPU",
        "kernels": "native",
        "tfx": "1.21.0, with TFDV 1.16.1",
    }


@pytest.mark.parametrize(
    ("check", "facts", "status", "found"),
    [
        (doctor.check_python, {"python": (3, 10, 2)}, "error", "3.10.2, expected 3.11"),
        (doctor.check_python, {"python": (3, 12, 0)}, "error", "3.12.0, expected 3.11"),
        (
            doctor.check_glibc,
            {"glibc": "2.36"},
            "ok",
            "2.36 (TFX's own pins need 2.39)",
        ),
        (doctor.check_glibc, {"glibc": "2.5"}, "warning", "2.5, tried from 2.36 on"),
        (
            doctor.check_glibc,
            {"glibc": ""},
            "error",
            "none, the wheels are built for it",
        ),
        (doctor.check_compiler, {"compiler": ""}, "warning", "no g++ or c++"),
        (
            doctor.check_processor,
            {"cores": 1, "cpuinfo": "flags : sse avx\n"},
            "warning",
            "1 core, no AVX2",
        ),
        (
            doctor.check_processor,
            {"cpuinfo": ""},
            "warning",
            "2 cores, instruction sets not known",
        ),
        (
            doctor.check_memory,
            {"meminfo": meminfo(16, 3.5)},
            "warning",
            "3.5 GB available of 16.0 GB, 8 GB are advised",
        ),
        (doctor.check_memory, {"meminfo": ""}, "warning", "not known"),
        (
            doctor.check_disk,
            {"free_bytes": 5 * GB - 1},
            "warning",
            "5.0 GB free in runs, 5 GB are advised",
        ),
        (
            doctor.check_disk,
            {"free_bytes": GB // 2},
            "error",
            "0.5 GB free in runs, at least 1 GB is needed",
        ),
        (doctor.check_disk, {"free_bytes": 5 * GB}, "ok", "5.0 GB free in runs"),
        (
            doctor.check_database,
            {"database_fault": "disk I/O error"},
            "error",
            "no SQLite database in runs: disk I/O error",
        ),
        (
            doctor.check_tensorflow,
            {"imports": Imports(VERSIONS, ("CPU", "GPU", "GPU"))},
            "ok",
            "2.21.0, sees 1 CPU, 2 GPU",
        ),
        (
            doctor.check_tensorflow,
            {"imports": Imports(VERSIONS)},
            "ok",
            "2.21.0, sees no device",
        ),
        (
            doctor.check_tensorflow,
            {"imports": Imports(fault="the process was ended by SIGILL")},
            "error",
            "the process was ended by SIGILL",
        ),
        (
            doctor.check_kernels,
            {"imports": Imports(VERSIONS, ("CPU",), kernels="Install g++.")},
            "warning",
            "stock TensorFlow ops",
        ),
        (
            doctor.check_kernels,
            {"imports": Imports(fault="the process was ended by SIGILL")},
            "warning",
            "not tried, because TensorFlow does not import",
        ),
        (
            doctor.check_tfx,
            {"imports": Imports(fault="the process was ended by SIGILL")},
            "error",
            "not tried, because TensorFlow does not import",
        ),
        (
            doctor.check_tfx,
            {"imports": Imports({"tensorflow": "2.21.0"}, (), "ImportError: sql_util")},
            "error",
            "ImportError: sql_util",
        ),
        (
            doctor.check_tfx,
            {
                "imports": Imports(
                    VERSIONS, ("CPU",), "the process was ended by SIGABRT"
                )
            },
            "ok",
            "1.21.0, with TFDV 1.16.1",
        ),
    ],
)
def test_fact_of_another_value_changes_the_finding(
    healthy: Machine,
    check: Callable[[Machine], Finding],
    facts: dict[str, Any],
    status: str,
    found: str,
) -> None:
    finding = check(dataclasses.replace(healthy, **facts))

    assert (finding.status, finding.found) == (status, found)
    assert bool(finding.remedy) == (status != "ok")


def test_packages_absent_or_of_another_version_are_counted_and_named(
    healthy: Machine,
) -> None:
    required = tuple(
        Requirement(line)
        for line in ("numpy==2.4.5", "rich==15.0.0", "keras>=4", "a", "pyyaml==6.0.3")
    )

    finding = doctor.check_packages(
        dataclasses.replace(
            healthy,
            required=required,
            installed=dict(healthy.installed) | {"keras": "3.15.1"},
        )
    )

    assert finding == Finding(
        "packages",
        "error",
        "4 of 5 differ: numpy 2.4.6 (required ==2.4.5), rich absent (required "
        "==15.0.0), keras 3.15.1 (required >=4), ...",
        "Run `make setup`.",
    )


def test_packages_of_one_fault_are_named_without_an_ellipsis(healthy: Machine) -> None:
    finding = doctor.check_packages(dataclasses.replace(healthy, installed={}))

    assert finding.found == (
        "2 of 2 differ: numpy absent (required ==2.4.6), PyYAML absent (required >=6)"
    )


def test_packages_of_unknown_requirements_are_a_warning(healthy: Machine) -> None:
    finding = doctor.check_packages(dataclasses.replace(healthy, required=None))

    assert finding.status == "warning"
    assert finding.found.startswith("no requirements.lock")


def test_lock_text_gives_names_and_versions_of_this_platform() -> None:
    locked = installation.parse_lock(LOCK)

    assert [str(one) for one in locked] == [
        "absl-py==1.4.0",
        "PyYAML==6.0.3",
        "numpy==2.4.6",
    ]


def test_lock_beside_the_package_is_preferred(tmp_path: Path) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text(LOCK)

    assert installation.required_packages(lock, "pytest") == installation.parse_lock(
        LOCK
    )


def test_absent_lock_falls_back_to_the_distributions_requirements(
    tmp_path: Path,
) -> None:
    required = installation.required_packages(tmp_path / "absent", "pytest")

    assert required is not None
    names = {one.name for one in required}
    assert "pluggy" in names
    assert "hypothesis" not in names, "an extra was taken for a requirement"


def test_absent_lock_and_distribution_give_no_requirements(tmp_path: Path) -> None:
    absent = tmp_path / "absent"

    assert installation.required_packages(absent, "no-such-distribution") is None


def test_installed_packages_leave_out_remains_and_hidden_doubles(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for place, version in (("first", "2.0"), ("second", "1.0")):
        metadata = tmp_path / place / f"Some_Thing-{version}.dist-info" / "METADATA"
        metadata.parent.mkdir(parents=True)
        metadata.write_text(f"Name: Some_Thing\nVersion: {version}\n")
    (tmp_path / "first" / "gone-1.0.dist-info").mkdir()
    monkeypatch.setattr("sys.path", [str(tmp_path / "first"), str(tmp_path / "second")])

    assert installation.installed_packages() == {"some-thing": "2.0"}


def completed(
    returncode: int = 0, stdout: bytes = b"", stderr: bytes = b""
) -> Callable[..., subprocess.CompletedProcess[bytes]]:
    """A `subprocess.run` whose every command ends so."""
    return lambda command, **_: subprocess.CompletedProcess(
        command, returncode, stdout, stderr
    )


def test_compiler_is_named_by_its_first_line_of_version() -> None:
    run = completed(stdout=b"g++ (Debian) 12.2.0\nCopyright\n")

    assert machine.find_compiler(lambda name: name, run) == "g++ (Debian) 12.2.0"


def test_compiler_of_the_other_name_is_found() -> None:
    run = completed(stdout=b"clang version 19\n")
    found = machine.find_compiler({"c++": "here/c++"}.get, run)

    assert found == "clang version 19"


def test_compiler_that_is_absent_or_broken_is_none() -> None:
    def unstartable(command: list[str], **_: object) -> None:
        raise PermissionError(command[0])

    assert machine.find_compiler(lambda name: None, completed()) == ""
    assert machine.find_compiler(lambda name: name, completed(1, b"g++ 12")) == ""
    assert machine.find_compiler(lambda name: name, unstartable) == ""


def test_free_space_of_a_folder_to_be_made_is_its_parents(tmp_path: Path) -> None:
    assert machine.free_bytes(tmp_path / "a" / "b") == pytest.approx(
        machine.free_bytes(tmp_path), rel=0.1
    )
    assert machine.free_bytes(Path("to", "be", "made")) > 0


def test_database_in_a_writable_folder_leaves_nothing_behind(tmp_path: Path) -> None:
    assert machine.database_fault(tmp_path) == ""
    assert list(tmp_path.iterdir()) == []


def test_database_in_an_absent_folder_is_a_fault(tmp_path: Path) -> None:
    assert "No such file or directory" in machine.database_fault(tmp_path / "absent")


def test_database_that_sqlite_refuses_is_a_fault(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse(path: Path) -> sqlite3.Connection:
        raise sqlite3.OperationalError("database is locked")

    monkeypatch.setattr(sqlite3, "connect", refuse)

    assert machine.database_fault(tmp_path) == "database is locked"
    assert list(tmp_path.iterdir()) == []


def stage(**reached: object) -> bytes:
    """What the importing process prints at one stage, with noise before it."""
    return b"a notice\n\nstage" + json.dumps(reached).encode() + b"\n"


FIRST_STAGE = stage(tensorflow="2.21.0", devices=["CPU"])
KERNELS_STAGE = stage(kernels="")
SECOND_STAGE = stage(tfx="1.21.0", tfdv="1.16.1")


def test_imports_that_succeed_give_versions_and_devices() -> None:
    stdout = FIRST_STAGE + KERNELS_STAGE + SECOND_STAGE
    run = completed(stdout=stdout, stderr=b"a warning\n")

    assert installation.try_imports(run) == Imports(VERSIONS, ("CPU",), kernels="")


@pytest.mark.parametrize(
    ("returncode", "stdout", "stderr", "versions", "fault"),
    [
        (1, b"", b"Traceback\nImportError: x\n", {}, "ImportError: x"),
        (1, FIRST_STAGE, b"ImportError: y\n", {"tensorflow": "2.21.0"}, "y"),
        (3, b"", b"", {}, "the process ended with exit code 3"),
        (-4, b"", b"", {}, "the process was ended by SIGILL"),
    ],
    ids=["tensorflow", "tfx", "silent", "signal"],
)
def test_imports_that_fail_give_what_was_reached_and_the_fault(
    returncode: int, stdout: bytes, stderr: bytes, versions: dict[str, str], fault: str
) -> None:
    imports = installation.try_imports(completed(returncode, stdout, stderr))

    assert imports.versions == versions
    assert imports.fault.endswith(fault)


@pytest.mark.parametrize("stdout", [None, FIRST_STAGE])
def test_imports_that_hang_are_ended(stdout: bytes | None) -> None:
    def hang(
        command: list[str], *, timeout: float, **_: object
    ) -> subprocess.CompletedProcess[bytes]:
        raise subprocess.TimeoutExpired(command, timeout, output=stdout)

    imports = installation.try_imports(hang, limit_s=7)

    assert imports.fault == "no end within 7 s"
    assert ("tensorflow" in imports.versions) == (stdout is not None)


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ([], "ok"),
        (["ok", "ok"], "ok"),
        (["ok", "warning", "ok"], "warning"),
        (["warning", "error", "ok"], "error"),
    ],
)
def test_worst_is_the_gravest_status(statuses: list[Any], expected: str) -> None:
    findings = [Finding("a check", status, "a fact") for status in statuses]

    assert doctor.worst(findings) == expected


def test_render_prints_every_finding_and_then_the_remedies_needed() -> None:
    output = io.StringIO()
    findings = [
        Finding("python", "ok", "3.11.7"),
        Finding("packages", "error", "absl [not a style] absent", "Run `make setup`."),
    ]

    doctor.render(iter(findings), Console(file=output, width=100))

    table, _, remedies = output.getvalue().partition("\npackages: ")
    assert re.search(r"python +│ ok +│ 3\.11\.7", table)
    assert re.search(r"packages +│ error +│ absl \[not a style\] absent", table)
    assert remedies == "Run `make setup`.\n"


@pytest.mark.timeout(300)
def test_diagnose_here_imports_and_reports_one_finding_a_check(tmp_path: Path) -> None:
    findings = {one.check: one for one in doctor.diagnose(tmp_path)}

    assert list(findings) == [
        check.__name__.removeprefix("check_") for check in doctor.CHECKS
    ]
    assert findings["python"].status == "ok"
    assert re.match(r"2\.\d+\.\d+, sees 1 CPU", findings["tensorflow"].found)
    assert re.match(r"1\.\d+\.\d+, with TFDV 1\.", findings["tfx"].found)
    assert findings["database"] == Finding(
        "database", "ok", f"SQLite works in {tmp_path}"
    )
    assert list(tmp_path.iterdir()) == []
