"""Every check of the doctor, on a machine without faults and with each of them."""

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from shardline.pipeline.doctor import diagnosis as doctor
from shardline.pipeline.doctor.diagnosis import GB, Diagnosis
from shardline.pipeline.doctor.installation import Imports
from shardline.pipeline.doctor.machine import Machine

VERSIONS = {"tensorflow": "2.21.0", "tfx": "1.21.0", "tfdv": "1.16.1"}


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
    diagnoses = [check(healthy) for check in doctor.CHECKS]

    assert [one for one in diagnoses if one.status != "ok" or one.remedy] == []
    assert len({one.check for one in diagnoses}) == len(doctor.CHECKS)
    assert {one.check: one.found for one in diagnoses} == {
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
    ("check", "changes", "status", "found"),
    [
        (doctor.check_python, {"python": (3, 10, 2)}, "error", "3.10.2, expected 3.11"),
        (doctor.check_python, {"python": (3, 12, 0)}, "error", "3.12.0, expected 3.11"),
        (
            doctor.check_glibc,
            {"glibc": "2.36"},
            "ok",
            "2.36 (TFX's own pins need 2.39)",
        ),
        (doctor.check_glibc, {"glibc": "2.5"}, "warning", "2.5, tested from 2.36 on"),
        (
            doctor.check_glibc,
            {"glibc": ""},
            "error",
            "not found, and the wheels need it",
        ),
        (
            doctor.check_compiler,
            {"compiler": "", "imports": Imports(VERSIONS, kernels="Install g++.")},
            "warning",
            "no g++ or c++",
        ),
        (
            doctor.check_compiler,
            {"compiler": ""},
            "ok",
            "none, and the native kernels are built",
        ),
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
def test_machine_of_another_value_changes_the_diagnosis(
    healthy: Machine,
    check: Callable[[Machine], Diagnosis],
    changes: dict[str, Any],
    status: str,
    found: str,
) -> None:
    diagnosis = check(dataclasses.replace(healthy, **changes))

    assert (diagnosis.status, diagnosis.found) == (status, found)
    assert bool(diagnosis.remedy) == (status != "ok")


def test_packages_absent_or_of_another_version_are_counted_and_named(
    healthy: Machine,
) -> None:
    required = tuple(
        Requirement(line)
        for line in ("numpy==2.4.5", "rich==15.0.0", "keras>=4", "a", "pyyaml==6.0.3")
    )

    diagnosis = doctor.check_packages(
        dataclasses.replace(
            healthy,
            required=required,
            installed=dict(healthy.installed) | {"keras": "3.15.1"},
        )
    )

    assert diagnosis == Diagnosis(
        "packages",
        "error",
        "4 of 5 differ: numpy 2.4.6 (required ==2.4.5), rich absent (required "
        "==15.0.0), keras 3.15.1 (required >=4), ...",
        "Run `make setup`.",
    )


def test_packages_of_one_fault_are_named_without_an_ellipsis(healthy: Machine) -> None:
    diagnosis = doctor.check_packages(dataclasses.replace(healthy, installed={}))

    assert diagnosis.found == (
        "2 of 2 differ: numpy absent (required ==2.4.6), PyYAML absent (required >=6)"
    )


def test_packages_of_unknown_requirements_are_a_warning(healthy: Machine) -> None:
    diagnosis = doctor.check_packages(dataclasses.replace(healthy, required=None))

    assert diagnosis.status == "warning"
    assert diagnosis.found.startswith("no requirements.lock")


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
    diagnoses = [Diagnosis("a check", status, "a fact") for status in statuses]

    assert doctor.worst(diagnoses) == expected


@pytest.mark.timeout(300)
def test_diagnose_here_gives_one_diagnosis_for_each_check(
    tmp_path: Path,
) -> None:
    diagnoses = {one.check: one for one in doctor.diagnose(tmp_path)}

    assert list(diagnoses) == [
        check.__name__.removeprefix("check_") for check in doctor.CHECKS
    ]
    assert diagnoses["python"].status == "ok"
    assert re.match(r"2\.\d+\.\d+, sees 1 CPU", diagnoses["tensorflow"].found)
    assert re.match(r"1\.\d+\.\d+, with TFDV 1\.", diagnoses["tfx"].found)
    assert diagnoses["database"] == Diagnosis(
        "database", "ok", f"SQLite works in {tmp_path}"
    )
    assert list(tmp_path.iterdir()) == []
